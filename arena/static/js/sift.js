// sift.js - a filter that asks for nothing is left out of the address

document.querySelectorAll("form[data-sift]").forEach((form) => {
  const fields = () => form.querySelectorAll("input, select");
  form.addEventListener("submit", () => {
    for (const field of fields()) field.disabled = field.value.trim() === "";
  });
  window.addEventListener("pageshow", () => {
    for (const field of fields()) field.disabled = false;
  });
});
