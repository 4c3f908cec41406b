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

// How long something has lasted goes on by itself, in the words of the server.
function lasted(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
setInterval(() => {
  for (const element of document.querySelectorAll("[data-since]")) {
    element.textContent = lasted(Date.now() - Date.parse(element.dataset.since));
  }
}, 1000);

start();
