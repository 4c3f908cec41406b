// The projects: the whole list once, then the lines of those that move.

function overviewPage() {
  const content = byId("content");
  const filters = byId("filters");
  const waiting = new Set();

  const query = (more) => {
    const asked = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value !== ""));
    for (const [name, value] of Object.entries(more)) asked.set(name, value);
    return asked.toString();
  };

  const list = async () => { put(content, await askText(`/dashboard/projects?${query({})}`)); };
  const refreshList = collapsed(() => attempt(list));

  const parsed = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  };

  const lineOf = (name) => content.querySelector(`tr[data-project="${CSS.escape(name)}"]`);

  const refreshWaiting = collapsed(async () => {
    for (const name of [...waiting]) {
      waiting.delete(name);
      const line = lineOf(name);
      if (!line) continue;
      await attempt(async () => {
        const fresh = parsed(await askText(`/dashboard/projects/${encodeURIComponent(name)}/line`)).querySelector("tr");
        keepingFocus(line, () => line.replaceWith(fresh));
        shown.delete(content);
      });
    }
  });

  // Now, and once more with all that have moved meanwhile.
  const moving = new Set();
  const refreshMoving = twice(() => {
    for (const name of moving) waiting.add(name);
    return refreshWaiting();
  });
  const move = (names) => {
    if (waiting.size === 0) moving.clear();
    for (const name of names) moving.add(name);
    return refreshMoving();
  };

  content.addEventListener("click", async (event) => {
    const more = event.target.closest("[data-next]");
    if (!more) return;
    await attempt(async () => {
      const next = parsed(await askText(`/dashboard/projects?${query({ page_token: more.dataset.next })}`));
      const lines = [...next.querySelectorAll("tbody tr")];
      content.querySelector("tbody").append(...lines);
      more.parentElement.replaceWith(next.querySelector("[data-next]")?.parentElement || "");
      shown.delete(content);
      lines[0]?.querySelector("a").focus();
    });
  });
  filters.addEventListener("change", refreshList);

  return {
    begin: list,
    tell: ({ projects, gone, many }) => {
      const hasMore = content.querySelector("[data-next]") !== null;
      if (gone.some(lineOf) || (!hasMore && projects.some((name) => !lineOf(name)))) return refreshList();
      const lines = [...content.querySelectorAll("tr[data-project]")].map((line) => line.dataset.project);
      return move(many ? lines : projects);
    },
  };
}
