// zoom.js - both pictures looked at together: Z held, + - 0, wheel, pinch, drag, a tap; F held, W

import { flicker } from "./flicker.js";
import { isCommand, keysOn } from "./keys.js";

const LEAST = 2;
const MOST = 8;
const STEP = 1.5;
const DRAGGED = 6;

const scrolls = () => document.documentElement.scrollHeight > window.innerHeight + 8;

/**
 * @param {HTMLElement} pair holds the canvases
 * @param {AbortSignal} [signal] ends with the page
 */
export function enhance(pair, signal) {
  /** @type {HTMLElement[]} */
  const canvases = [...pair.querySelectorAll("[data-canvas]")];
  const first = canvases[0].querySelector("img");
  const marking = Boolean(document.querySelector("[data-spots]"));
  let scale = 1;
  let corner = { x: 0, y: 0 };
  let spot = { x: 0.5, y: 0.5 };
  /** @type {Map<number, { x: number, y: number }>} */
  const fingers = new Map();

  const full = () => Math.max(LEAST, first.naturalWidth / first.clientWidth || LEAST);
  const paint = () => {
    const room = 1 - 1 / scale;
    corner = { x: Math.min(room, Math.max(0, corner.x)), y: Math.min(room, Math.max(0, corner.y)) };
    const transform = scale > 1 ? `scale(${scale}) translate(${-100 * corner.x}%, ${-100 * corner.y}%)` : "";
    for (const canvas of canvases) {
      canvas.classList.toggle("zoomed", scale > 1);
      for (const image of canvas.querySelectorAll("img")) {
        image.style.transformOrigin = "0 0";
        image.style.transform = transform;
      }
    }
  };
  /** Enlarge so that what lies under a spot of the canvas stays there. */
  const zoom = (to, at = spot) => {
    const next = Math.min(MOST, Math.max(1, to));
    corner = { x: corner.x + at.x / scale - at.x / next, y: corner.y + at.y / scale - at.y / next };
    scale = next;
    paint();
  };
  const share = (canvas, event) => {
    const box = canvas.getBoundingClientRect();
    const within = (value) => Math.min(1, Math.max(0, value));
    return { x: within((event.clientX - box.left) / box.width), y: within((event.clientY - box.top) / box.height) };
  };
  /** Enlarge to the pictures' own pixels around a spot. */
  const look = (at) => {
    scale = full();
    corner = { x: at.x * (1 - 1 / scale), y: at.y * (1 - 1 / scale) };
    paint();
  };
  const span = () => {
    const [one, other] = [...fingers.values()];
    return Math.hypot(one.x - other.x, one.y - other.y);
  };
  const middle = () => {
    const [one, other] = [...fingers.values()];
    return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
  };
  let held = false;

  for (const canvas of canvases) {
    canvas.addEventListener(
      "wheel",
      (event) => {
        if (scale === 1 && !event.ctrlKey && scrolls()) return;
        event.preventDefault();
        zoom(scale * 1.0015 ** -event.deltaY, share(canvas, event));
      },
      { passive: false },
    );
    canvas.addEventListener("pointerdown", (event) => {
      delete canvas.dataset.dragged;
      fingers.set(event.pointerId, share(canvas, event));
    });
    canvas.addEventListener("pointermove", (event) => {
      const at = share(canvas, event);
      const before = fingers.get(event.pointerId);
      if (held) look(at);
      else if (before && fingers.size === 2) {
        const [wide, was] = [span(), middle()];
        fingers.set(event.pointerId, at);
        const now = middle();
        corner = { x: corner.x - (now.x - was.x) / scale, y: corner.y - (now.y - was.y) / scale };
        zoom((scale * span()) / wide, now);
        canvas.dataset.dragged = "yes";
      } else if (before && scale > 1) {
        const moved = Math.hypot(at.x - before.x, at.y - before.y) * canvas.clientWidth;
        if (moved >= DRAGGED || canvas.dataset.dragged) {
          corner = { x: corner.x - (at.x - before.x) / scale, y: corner.y - (at.y - before.y) / scale };
          fingers.set(event.pointerId, at);
          canvas.dataset.dragged = "yes";
          paint();
        }
      }
      spot = at;
    });
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
    }
    canvas.addEventListener("click", (event) => {
      if (marking || event.pointerType === "mouse" || canvas.dataset.dragged) return;
      if (scale > 1) zoom(1);
      else look(share(canvas, event));
    });
  }
  document.addEventListener(
    "keydown",
    (event) => {
      if (!isCommand(event) || !keysOn()) return;
      const key = event.key.toLowerCase();
      if (key === "z") {
        held = true;
        look(spot);
      } else if (key === "+" || key === "=") zoom(scale * STEP);
      else if (key === "-") zoom(scale / STEP);
      else if (key === "0") zoom(1);
    },
    { signal },
  );
  const release = () => {
    if (!held) return;
    held = false;
    zoom(1);
  };
  document.addEventListener("keyup", (event) => event.key.toLowerCase() === "z" && release(), { signal });
  window.addEventListener("blur", release, { signal });
  flicker(canvases, signal);
  fullScreen(pair, signal);
}

/**
 * W, or the button, lets the pictures fill the screen.
 * @param {HTMLElement} pair
 * @param {AbortSignal} [signal]
 */
function fullScreen(pair, signal) {
  const button = document.querySelector("[data-full]");
  if (!document.fullscreenEnabled) {
    button?.closest("[data-full-hint]").remove();
    return;
  }
  const toggle = () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else pair.requestFullscreen().catch(() => {}); // the browser may say no
  };
  button?.addEventListener("click", toggle);
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key.toLowerCase() === "w" && isCommand(event) && keysOn()) toggle();
    },
    { signal },
  );
}
