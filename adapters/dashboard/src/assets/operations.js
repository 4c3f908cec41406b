// Long fits, as they go on.

function operationsPage() {
  const content = byId("content");
  const list = async () => { put(content, await askText("/dashboard/operations")); };
  const refresh = collapsed(() => attempt(list));

  content.addEventListener("click", async (event) => {
    const cancelled = event.target.closest("[data-cancel]");
    if (cancelled) {
      cancelled.disabled = true;
      await attempt(() => ask(`/api/v1/operations/${encodeURIComponent(cancelled.dataset.cancel)}/cancel`, { method: "POST" }));
      await refresh();
    }
    const more = event.target.closest("[data-next]");
    if (more) {
      await attempt(async () => {
        const template = document.createElement("template");
        template.innerHTML = await askText(`/dashboard/operations?page_token=${encodeURIComponent(more.dataset.next)}`);
        content.querySelector("tbody").append(...template.content.querySelectorAll("tbody tr"));
        more.parentElement.replaceWith(template.content.querySelector("[data-next]")?.parentElement || "");
        shown.delete(content);
      });
    }
  });

  return { begin: list, tell: ({ operations }) => { if (operations) refresh(); } };
}
