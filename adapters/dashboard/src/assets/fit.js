// A fit in the background: its data go as they are, its settings beside them, and its progress comes as events.

function fitPage() {
  const form = byId("fit");
  const file = byId("file");
  const drop = byId("drop");
  const progress = byId("progress");
  let operation = null;

  const size = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
  const chosen = async () => {
    const [one] = file.files;
    if (!one) return;
    const [names] = (await one.slice(0, 4096).text()).split(/\r?\n/);
    byId("file-note").textContent = `${one.name}, ${size(one.size)}, columns: ${names.slice(0, 400)}`;
    if (byId("project").value === "") byId("project").value = one.name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9._-]/g, "-");
  };
  file.addEventListener("change", chosen);
  for (const type of ["dragenter", "dragover"]) {
    drop.addEventListener(type, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files.length === 0) return;
    file.files = event.dataTransfer.files;
    chosen();
  });

  // What is wrong, and at which field where there is one.
  const fault = (detail, issues) => {
    const list = document.createElement("ul");
    for (const { pointer, detail: told } of issues) {
      const line = document.createElement("li");
      const place = document.createElement("code");
      place.textContent = pointer;
      line.append(place, ` ${told}`);
      list.append(line);
      const field = byId(pointer.split("/").pop());
      if (field && form.contains(field)) {
        field.setAttribute("aria-invalid", "true");
        field.setAttribute("aria-errormessage", "faults");
      }
    }
    const text = document.createElement("p");
    text.textContent = detail;
    byId("faults").replaceChildren(text, ...(issues.length > 0 ? [list] : []));
    byId("faults").focus();
  };

  const isBusy = (busy) => {
    byId("submit").disabled = busy;
    byId("cancel").hidden = !busy || operation === null;
    progress.hidden = !busy;
    if (busy) progress.removeAttribute("value");
  };

  const settings = () => {
    const detector = {};
    if (byId("kind").value) detector.kind = byId("kind").value;
    for (const name of ["ert", "p_val"]) {
      const text = byId(name).value.trim();
      // What is no number is sent as it is: the server says what it expects.
      if (text !== "") detector[name] = Number.isNaN(Number(text)) ? text : Number(text);
    }
    const more = byId("more").value.trim();
    let further = {};
    if (more !== "") {
      try { further = JSON.parse(more); } catch (error) {
        throw new Problem(0, { detail: "The further settings are no JSON.", errors: [{ pointer: "/more", detail: error.message }] });
      }
    }
    const all = { ...detector, ...further };
    return {
      drift_type: byId("drift_type").value,
      overwrite: byId("overwrite").checked,
      ...(byId("missing_values").value ? { missing_values: byId("missing_values").value } : {}),
      ...(Object.keys(all).length > 0 ? { detector: all } : {}),
    };
  };

  // The project, and what the fit found worth knowing about the file.
  const done = async (name) => {
    const path = encodeURIComponent(name);
    const link = document.createElement("a");
    link.href = `/projects/${path}`;
    link.textContent = name;
    byId("stage").replaceChildren("Fitted: ", link);
    link.focus();
    // The fit is done, whether or not this can be read.
    await attempt(async () => {
      const { warnings } = await (await ask(`/api/v1/projects/${path}`)).json();
      const lines = warnings.map((warning) => {
        const line = document.createElement("li");
        line.textContent = warning;
        return line;
      });
      byId("warnings").replaceChildren(...lines);
    });
  };

  const followed = async (name) => {
    let last = null;
    await follow(`/api/v1/operations/${operation}/events`, undefined, (type, data) => {
      last = JSON.parse(data);
      if (last.ended_at) return;
      progress.value = last.progress.fraction;
      byId("stage").textContent = `${last.status}, ${last.stage}: ${Math.floor(last.progress.fraction * 100)} %`;
    });
    if (last?.status === "succeeded") return done(name);
    byId("stage").textContent = last ? `The fit ${last.status === "cancelled" ? "was cancelled" : "has failed"}.` : "";
    if (last?.problem) throw new Problem(last.problem.status, last.problem);
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    form.querySelectorAll("[aria-invalid]").forEach((field) => field.removeAttribute("aria-invalid"));
    byId("faults").replaceChildren();
    byId("warnings").replaceChildren();
    byId("stage").textContent = "";
    const name = byId("project").value.trim();
    const [one] = file.files;
    const missing = [[!one, "/file", "choose a file"], [name === "", "/project", "a name is needed"]];
    const issues = missing.filter(([is]) => is).map(([, pointer, detail]) => ({ pointer, detail }));
    if (issues.length > 0) return fault("Something is missing.", issues);
    operation = null;
    isBusy(true);
    byId("stage").textContent = `Sending ${size(one.size)} …`;
    try {
      const body = new FormData();
      body.append("settings", new Blob([JSON.stringify(settings())], { type: "application/json" }));
      body.append("data", one.type === "text/csv" ? one : new Blob([one], { type: "text/csv" }), "data.csv");
      const answer = await ask(`/api/v1/projects/${encodeURIComponent(name)}/fit`, { method: "POST", body, headers: { Prefer: "respond-async" } });
      const told = await answer.json();
      if (answer.status === 202) {
        operation = told.id;
        isBusy(true);
        await followed(name);
      } else {
        await done(name);
      }
    } catch (error) {
      if (error instanceof KeyWanted) byId("stage").textContent = "";
      else {
        byId("stage").textContent = "Not fitted.";
        fault(error instanceof Problem ? error.message : `The server cannot be reached: ${error.message}.`, error.issues || []);
      }
    } finally {
      isBusy(false);
    }
  });
  byId("cancel").addEventListener("click", () => attempt(() => ask(`/api/v1/operations/${operation}/cancel`, { method: "POST" })));

  // Whoever may not read is asked for a key before a file is sent.
  return { begin: () => ask("/api/v1/operations?page_size=1"), tell: () => {} };
}
