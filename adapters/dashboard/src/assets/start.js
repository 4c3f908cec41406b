// The key of this tab, and the page that it is for.

const pages = { overview: overviewPage, project: projectPage, fit: fitPage, operations: operationsPage };
const page = pages[document.body.dataset.page]();
const start = () => watch(page.begin, page.tell);

byId("key-button").addEventListener("click", () => {
  const isShown = byId("key-form").hidden;
  byId("key-note").textContent = sessionStorage.getItem(KEY) ? "This tab has a key." : "This tab has no key.";
  showKeyForm(isShown);
  if (isShown) byId("key").focus();
});
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = byId("key").value.trim();
  if (key === "") return;
  sessionStorage.setItem(KEY, key);
  byId("key").value = "";
  showKeyForm(false);
  byId("key-button").focus();
  start();
});
byId("forget").addEventListener("click", () => {
  sessionStorage.removeItem(KEY);
  showKeyForm(false);
  location.reload();
});
start();
