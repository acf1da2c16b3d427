// reveal.js - the next pair is fetched while this one is read; Enter goes on

import { isCommand } from "./keys.js";
import { enhance as enhanceZoom } from "./zoom.js";

/**
 * Ask for the next pair and its pictures, so that they hang at once.
 * @param {HTMLAnchorElement} next
 */
async function preload(next) {
  const answer = await fetch(next.href, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const told = await answer.json();
  if (!told.battle) return;
  next.href = told.battle;
  await Promise.all(
    told.pictures.map((address) => {
      const image = new Image();
      image.src = address;
      return image.decode();
    }),
  );
  next.dataset.ready = "yes";
}

/**
 * @param {HTMLAnchorElement} next
 */
export function enhance(next) {
  next.focus({ preventScroll: true });
  window.addEventListener("pageswap", () => document.documentElement.classList.add("leaving"));
  document.addEventListener("keydown", (event) => {
    const elsewhere = event.target instanceof Element && event.target.closest("button, a, summary");
    if (event.key === "Enter" && !elsewhere && isCommand(event)) next.click();
  });
  preload(next).catch(() => {}); // the link works without it
}

document.querySelectorAll("a[data-next]").forEach(enhance);
document.querySelectorAll(".hang").forEach(enhanceZoom);
