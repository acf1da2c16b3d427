// campaign.js - keeps the calculator in step with the form of a campaign; the button does the same without it

const REST = 300;

/**
 * @param {HTMLFormElement} form
 */
export function enhance(form) {
  const card = form.querySelector("[data-calculator]");
  let timer = 0;
  let newest = 0;

  const reckon = async () => {
    const mine = ++newest;
    try {
      const answer = await fetch(form.dataset.reckon, { method: "POST", body: new FormData(form) });
      if (answer.ok && mine === newest) card.innerHTML = await answer.text();
    } catch {
      // the server is away for a moment; the next change asks again
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(reckon, REST);
  });
}

document.querySelectorAll("[data-reckon]").forEach(enhance);
