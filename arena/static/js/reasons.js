// reasons.js - Enter reveals; no second submit

import { isCommand } from "./keys.js";
import { enhance as enhanceZoom } from "./zoom.js";

/**
 * @param {HTMLFormElement} form
 */
export function enhance(form) {
  const go = form.querySelector("[data-go]");
  let sent = false;
  go.focus({ preventScroll: true });
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  document.addEventListener("keydown", (event) => {
    const elsewhere = event.target instanceof Element && event.target.closest("button, a, summary");
    if (event.key === "Enter" && !elsewhere && isCommand(event)) form.requestSubmit(go);
  });
}

document.querySelectorAll("form[data-reasons]").forEach(enhance);
document.querySelectorAll(".pair").forEach(enhanceZoom);
