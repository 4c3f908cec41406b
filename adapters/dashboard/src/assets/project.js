// A project: how it stands, its trend in the range that somebody looks at, its columns, and what can be done with it.

function projectPage() {
  let name = location.pathname.split("/")[2] || "";
  try { name = decodeURIComponent(name); } catch { /* The server refuses it as it is. */ }
  const path = encodeURIComponent(name);
  byId("name").textContent = name;
  document.title = `${name} · Drifting`;

  const asked = new URLSearchParams(location.search);
  const time = (text) => { const parsed = Date.parse(text); return Number.isNaN(parsed) ? null : parsed; };
  let range = { from: time(asked.get("from")), to: time(asked.get("to")) };
  const told = (value) => new Date(Math.round(value)).toISOString();
  const rangeQuery = () => {
    const query = new URLSearchParams();
    for (const end of ["from", "to"]) if (range[end] !== null) query.set(end, told(range[end]));
    return query;
  };

  const number = (value) => (value === null ? "–" : Number(value.toPrecision(4)).toString());
  const chart = new Chart(byId("trend"), ([at, , mean, min, max, threshold, n, drifts], measure) => {
    const spread = min === max ? "" : ` (${number(min)} to ${number(max)})`;
    const when = new Date(at).toISOString().replace("T", " ").replace("Z", " UTC");
    byId("reading").textContent =
      `${when}: ${measure} ${number(mean)}${spread}, threshold ${number(threshold)}, ${n} verdict${n === 1 ? "" : "s"}, ${drifts} of drift`;
  }, (from, to) => show(from, to));

  const standing = async () => {
    const template = document.createElement("template");
    template.innerHTML = await askText(`/dashboard/projects/${path}`);
    for (const [part, place] of [["facts", "standing"], ["actions", "buttons"], ["configuration", "settings"]]) {
      put(byId(place), template.content.getElementById(part).innerHTML);
    }
  };
  const trend = async () => {
    const query = rangeQuery();
    query.set("width", String(Math.floor(byId("trend").clientWidth)));
    const isNew = put(byId("trend"), await askText(`/dashboard/projects/${path}/trend?${query}`));
    if (isNew) chart.taken();
  };
  const columns = async () => { put(byId("columns"), await askText(`/dashboard/projects/${path}/columns`)); };
  const all = async () => {
    await standing();
    await trend();
    await columns();
  };
  const refresh = twice(collapsed(() => attempt(all)));
  const refreshTrend = collapsed(() => attempt(trend));

  function show(from, to) {
    range = { from, to };
    const query = rangeQuery().toString();
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
    return refreshTrend();
  }

  document.querySelector(".tools").addEventListener("click", (event) => {
    const zoom = event.target.closest("[data-zoom]")?.dataset.zoom;
    if (!zoom) return;
    // Where nothing is drawn, as in a range without a verdict, from the range that was asked for.
    const to = chart.to || range.to || Date.now();
    const from = chart.from || range.from || to - 3.6e6;
    const span = to - from;
    const last = (milliseconds) => [Date.now() - milliseconds, null];
    const ranges = {
      in: [from + span / 4, to - span / 4],
      out: [from - span / 2, to + span / 2],
      earlier: [from - span / 2, to - span / 2],
      later: [from + span / 2, to + span / 2],
      hour: last(3.6e6),
      day: last(8.64e7),
      week: last(6.048e8),
      all: [null, null],
    };
    show(...ranges[zoom]);
  });

  byId("download").addEventListener("click", () => attempt(async () => {
    const query = rangeQuery();
    query.set("format", "csv");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await (await ask(`/api/v1/projects/${path}/metrics?${query}`)).blob());
    link.download = `${name}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }));

  const dialog = byId("confirm");
  let action = null;
  byId("buttons").addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    if (!button) return;
    action = button.dataset.action;
    byId("question").textContent = button.dataset.question;
    byId("purge-line").hidden = action !== "delete";
    byId("purge").checked = false;
    dialog.showModal();
    byId("no").focus();
  });
  byId("no").addEventListener("click", () => dialog.close());
  byId("yes").addEventListener("click", async () => {
    dialog.close();
    await attempt(async () => {
      if (action === "delete") {
        const query = byId("purge").checked ? "?purge_metrics=true" : "";
        await ask(`/api/v1/projects/${path}${query}`, { method: "DELETE" });
        location.assign("/");
        return;
      }
      await ask(`/api/v1/projects/${path}/${action}`, { method: "POST" });
      await all();
    });
  });

  let resized = 0;
  addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(refreshTrend, 250);
  });

  return {
    begin: all,
    tell: ({ projects, gone, many }) => {
      if (many || projects.includes(name) || gone.includes(name)) refresh();
    },
  };
}
