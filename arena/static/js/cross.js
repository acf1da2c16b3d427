// cross.js - a cross that the arrow keys move over the pictures, to mark a spot without a pointer

import { tell } from "./told.js";

const STEP = 0.02;
const STRIDE = 0.1;
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {HTMLElement[]} canvases
 * @param {HTMLElement} line holds the words
 * @param {HTMLButtonElement} button is pressed while the cross is there
 * @param {(canvas: HTMLElement, x: number, y: number) => void} set marks a spot
 * @returns {() => void} shows the cross, or takes it away
 */
export function cross(canvases, line, button, set) {
  const mark = Object.assign(document.createElement("button"), { type: "button", className: "cross" });
  let place = 0;
  let spot = { x: 0.5, y: 0.5 };

  const show = () => {
    canvases[place].append(mark);
    mark.style.left = `${100 * spot.x}%`;
    mark.style.top = `${100 * spot.y}%`;
    const left = canvases[place].classList.contains("left");
    const words = left ? line.dataset.at : line.dataset.atRight;
    const text = words.replace("{x}", String(Math.round(100 * spot.x))).replace("{y}", String(Math.round(100 * spot.y)));
    mark.setAttribute("aria-label", text);
    mark.focus({ preventScroll: true });
    return text;
  };
  const end = () => {
    mark.remove();
    button.setAttribute("aria-pressed", "false");
    button.focus({ preventScroll: true });
  };

  mark.addEventListener("click", (event) => event.stopPropagation());
  mark.addEventListener("keydown", (event) => {
    const within = (value) => Math.min(1, Math.max(0, value));
    const move = MOVES[event.key];
    if (move) {
      const step = event.shiftKey ? STRIDE : STEP;
      spot = { x: within(spot.x + step * move[0]), y: within(spot.y + step * move[1]) };
      tell(show());
    } else if (event.key === " ") {
      place = 1 - place;
      tell(show());
    } else if (event.key === "Enter") {
      set(canvases[place], spot.x, spot.y);
      show();
    } else if (event.key === "Escape") {
      end();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });

  return () => {
    if (mark.isConnected) {
      end();
      return;
    }
    button.setAttribute("aria-pressed", "true");
    show();
    tell(line.dataset.moving);
  };
}
