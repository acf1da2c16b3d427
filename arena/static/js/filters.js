// filters.js - a choice in the filters is shown at once

document.querySelectorAll("form[data-filters]").forEach((form) => {
  form.querySelector("[data-show]").hidden = true;
  form.addEventListener("change", () => form.requestSubmit());
});
