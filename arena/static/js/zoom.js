// zoom.js - both pictures enlarged at the same spot: Z held down, or a tap

import { isCommand, keysOn } from "./keys.js";

const LEAST = 2;

/**
 * @param {HTMLElement} pair holds the canvases
 */
export function enhance(pair) {
  /** @type {HTMLElement[]} */
  const canvases = [...pair.querySelectorAll("[data-canvas]")];
  let spot = { x: 50, y: 50 };

  const show = (on) => {
    for (const canvas of canvases) {
      const image = canvas.querySelector("img");
      const scale = Math.max(LEAST, image.naturalWidth / image.clientWidth || LEAST);
      canvas.classList.toggle("zoomed", on);
      image.style.transformOrigin = `${spot.x}% ${spot.y}%`;
      image.style.transform = on ? `scale(${scale})` : "";
    }
  };
  const zoomed = () => canvases[0].classList.contains("zoomed");
  const aim = (canvas, event) => {
    const box = canvas.getBoundingClientRect();
    const share = (value, start, size) => Math.min(100, Math.max(0, (100 * (value - start)) / size));
    spot = { x: share(event.clientX, box.left, box.width), y: share(event.clientY, box.top, box.height) };
  };

  for (const canvas of canvases) {
    canvas.addEventListener("pointermove", (event) => {
      aim(canvas, event);
      if (zoomed()) show(true);
    });
    canvas.addEventListener("click", (event) => {
      if (event.pointerType === "mouse") return;
      aim(canvas, event);
      show(!zoomed());
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "z" && isCommand(event) && keysOn()) show(true);
  });
  document.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "z") show(false);
  });
  window.addEventListener("blur", () => show(false));
}
