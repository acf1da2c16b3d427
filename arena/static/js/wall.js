// wall.js - what a page of the Room can do, each time one is hung

import { enhance as ballot } from "./ballot.js";
import { enhance as next } from "./next.js";
import { sendWhatWaits } from "./outbox.js";
import { enhance as reasons } from "./reasons.js";
import { enhance as spots } from "./spots.js";
import { begin, open } from "./swap.js";
import { enhance as undo } from "./undo.js";
import { enhance as zoom } from "./zoom.js";

const PARTS = [
  ["[data-pair]", zoom],
  ["[data-spots]", spots],
  ["form[data-ballot]", ballot],
  ["form[data-reasons]", reasons],
  ["form[data-undo]", undo],
  ["a[data-next]", next],
];

begin((signal) => {
  for (const [where, enhance] of PARTS) {
    for (const element of document.querySelectorAll(where)) enhance(element, signal);
  }
});
sendWhatWaits().then((sent) => sent && open(location.href));
