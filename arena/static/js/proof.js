// proof.js - does the work that a newcomer's browser is asked for, in a worker, and sends the form

/** @param {HTMLFormElement} form */
export function enhance(form) {
  const working = form.querySelector("[data-working]");
  const button = form.querySelector("button");
  const worker = new Worker(form.dataset.worker, { type: "module" });
  working.hidden = false;
  form.querySelector("[data-waiting]").hidden = true;
  button.disabled = true;
  worker.addEventListener("message", ({ data }) => {
    form.elements.answer.value = data;
    working.hidden = true;
    button.disabled = false;
    if (!("stays" in form.dataset)) form.submit();
  });
  worker.addEventListener("error", () => {
    working.hidden = true;
    form.querySelector("[data-waiting]").hidden = false;
    button.disabled = false;
  });
  worker.postMessage({ challenge: form.elements.challenge.value, bits: Number(form.dataset.proof) });
}

document.querySelectorAll("form[data-proof]").forEach(enhance);
