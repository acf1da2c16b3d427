// swap.js - the next page of the Room takes the place of the open one, without leaving it

import { reset, tell } from "./told.js";

/**
 * A page that was fetched and not hung yet.
 * @typedef {{ address: string, title: string, space: string, header: HTMLElement, main: HTMLElement }} Page
 */

const OWN = document.querySelector("script[type=module]").src;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const MOTION = { duration: 260, easing: "cubic-bezier(0.2, 0, 0, 1)" };
let stay = new AbortController();
let enhance = () => {};

/**
 * Bring the page that is open to life, and every one that is hung in its place.
 * @param {(signal: AbortSignal) => void} callback is told the signal that ends with the page
 */
export function begin(callback) {
  enhance = callback;
  window.addEventListener("popstate", () => location.reload());
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  window.addEventListener("pageswap", () => document.documentElement.classList.add("leaving"));
  enhance(stay.signal);
  document.querySelector("main [data-focus=always]")?.focus({ preventScroll: true });
}

/**
 * What an answer of the server would hang; nothing if it is no page that this script knows.
 * @param {Response} answer
 * @returns {Promise<Page | null>}
 */
export async function read(answer) {
  if (!answer.headers.get("Content-Type")?.startsWith("text/html")) return null;
  const told = new DOMParser().parseFromString(await answer.text(), "text/html");
  const address = new URL(answer.headers.get("Content-Location") ?? answer.url, location.href).href;
  const script = told.querySelector("script[type=module]");
  const [header, main] = [told.querySelector("header.top"), told.querySelector("main")];
  if (!header || !main || (script && new URL(script.getAttribute("src"), location.href).href !== OWN)) return null;
  return {
    address,
    title: told.title,
    space: told.body.className,
    header: document.importNode(header, true),
    main: document.importNode(main, true),
  };
}

/**
 * Hang a page in the place of the open one.
 * @param {Page} page
 * @param {{ moving?: boolean }} how whether its pictures move to their new places
 */
export function hang(page, { moving = false } = {}) {
  const from = places();
  put(page);
  if (!moving || still.matches) return;
  places().forEach(({ canvas, box }, place) => {
    const was = from[place]?.box;
    if (!was) return;
    const start = `translate(${was.x - box.x}px, ${was.y - box.y}px) scale(${was.width / box.width})`;
    canvas.animate({ transform: [start, "none"], transformOrigin: ["0 0", "0 0"] }, MOTION);
  });
}

/** Where the pictures hang now. */
function places() {
  const canvases = [...document.querySelectorAll("main [data-canvas]")];
  return canvases.map((canvas) => ({ canvas, box: canvas.getBoundingClientRect() }));
}

/** Pictures that hang in both pages stay the elements they are: they are decoded, and nothing flashes. */
function keepPictures(main) {
  const hung = new Map([...document.querySelectorAll("main [data-canvas] > img")].map((image) => [image.src, image]));
  const images = [...main.querySelectorAll("[data-canvas] > img")];
  const kept = images.filter((image) => hung.get(image.src)?.naturalWidth);
  for (const image of kept) {
    const same = hung.get(image.src);
    same.style.transform = "";
    same.alt = image.alt;
    image.replaceWith(same);
  }
  if (kept.length && kept.length === images.length) main.querySelector("[data-pair]").classList.add("ready");
}

/**
 * Wait until both pictures of a page that hangs next can be painted at once.
 * @param {Page} page
 */
export async function decodePair(page) {
  const pair = page.main.querySelector("[data-pair]");
  await Promise.all([...pair.querySelectorAll("img")].map((image) => image.decode()));
  pair.classList.add("ready");
}

function put(page) {
  stay.abort();
  stay = new AbortController();
  keepPictures(page.main);
  document.title = page.title;
  document.body.className = page.space;
  document.querySelector("header.top").replaceWith(page.header);
  document.querySelector("main").replaceWith(page.main);
  window.scrollTo(0, 0);
  reset();
  enhance(stay.signal);
  focus(page.main.querySelector("[data-focus]") ?? page.main.querySelector("h1"));
  tell(page.header.querySelector(".progress span")?.textContent ?? "");
  if (page.address === location.href) history.replaceState(null, "");
  else history.pushState(null, "", page.address);
}

/** Focus goes where the new page begins, never to nowhere. */
function focus(element) {
  if (element?.matches("h1")) element.tabIndex = -1;
  element?.focus({ preventScroll: true });
}

/**
 * Fetch a page; one that cannot be hung in place is gone to.
 * @param {string} address
 * @returns {Promise<Page | null>}
 */
export async function fetchPage(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  return read(answer);
}

/**
 * Go to a page, in place if that can be.
 * @param {string} address
 */
export async function open(address) {
  try {
    const page = await fetchPage(address);
    if (page) {
      hang(page);
      return;
    }
  } catch {
    // no connection: the browser says so in its own words
  }
  location.assign(address);
}
