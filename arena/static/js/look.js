// look.js - pictures with names are enlarged together, as on the wall

import { enhance } from "./zoom.js";

document.querySelectorAll("[data-pair]").forEach((pair) => enhance(pair));
