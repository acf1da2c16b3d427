// spots.js - spots that went wrong: a tap on a picture marks one, another takes it away, a tag names the last

import { isCommand, keysOn } from "./keys.js";
import { cross } from "./cross.js";
import { tell } from "./told.js";

const NEAR = 18;

/**
 * @param {HTMLElement} line says what can be done, and holds the words
 * @param {AbortSignal} signal
 */
export function enhance(line, signal) {
  /** @type {HTMLFormElement} */
  const form = document.querySelector("form[data-reasons]");
  const most = Number(line.dataset.most);
  const canvases = [...document.querySelectorAll("[data-pair] [data-canvas]")];
  /** @type {{ side: string, x: number, y: number, tag: string, field: HTMLInputElement, button: HTMLButtonElement }[]} */
  const spots = [];
  const say = (name, n) => tell(line.dataset[name].replace("{n}", String(n)));

  const write = () => {
    spots.forEach((spot, place) => {
      spot.field.value = [spot.side, spot.x.toFixed(4), spot.y.toFixed(4), spot.tag].join(" ").trim();
      spot.button.textContent = String(place + 1);
      const name = spot.side === "left" ? line.dataset.mark : line.dataset.markRight;
      spot.button.setAttribute("aria-label", name.replace("{n}", String(place + 1)));
    });
    const last = spots.at(-1);
    for (const tag of form.querySelectorAll(".tag")) {
      if (last) tag.setAttribute("aria-pressed", String(tag.value === last.tag));
      else tag.removeAttribute("aria-pressed");
    }
  };
  const remove = (spot) => {
    const held = spot.button === document.activeElement;
    spots.splice(spots.indexOf(spot), 1);
    spot.field.remove();
    spot.button.remove();
    write();
    if (held) (spots.at(-1)?.button ?? form.querySelector("[data-go]")).focus({ preventScroll: true });
    tell(line.dataset.gone);
  };
  const add = (canvas, x, y) => {
    if (spots.length >= most) {
      say("full", most);
      return;
    }
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: "spot" });
    const button = Object.assign(document.createElement("button"), { type: "button", className: "ring" });
    const spot = { side: canvas.classList.contains("left") ? "left" : "right", x, y, tag: "", field, button };
    button.style.left = `${100 * x}%`;
    button.style.top = `${100 * y}%`;
    button.addEventListener("click", (event) => {
      event.stopPropagation();
      remove(spot);
    });
    form.append(field);
    canvas.append(button);
    spots.push(spot);
    write();
    say("set", spots.length);
  };

  for (const canvas of canvases) {
    canvas.addEventListener("mousedown", (event) => event.preventDefault()); // focus stays where it is
    canvas.addEventListener("click", (event) => {
      if (canvas.dataset.dragged) return;
      const box = canvas.querySelector("img").getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      const near = spots.find(
        (spot) =>
          canvas.contains(spot.button) && Math.hypot((spot.x - x) * box.width, (spot.y - y) * box.height) < NEAR,
      );
      if (near) remove(near);
      else add(canvas, x, y);
    });
  }
  form.addEventListener("submit", (event) => {
    const last = spots.at(-1);
    if (!last || !event.submitter?.matches(".tag")) return;
    event.preventDefault(); // where spots are marked a tag names the last one, and going on is for the button
    last.tag = last.tag === event.submitter.value ? "" : event.submitter.value;
    write();
  });

  const button = line.querySelector("[data-spot-keys]");
  const toggle = cross(canvases, line, button, add);
  button.addEventListener("click", toggle);
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key.toLowerCase() === "m" && isCommand(event) && keysOn()) toggle();
    },
    { signal },
  );
}
