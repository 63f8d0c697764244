"use strict";
// What the page does with its data. Every text of a run becomes a text node: no string is ever parsed as HTML.
(() => {
  const $ = id => document.getElementById(id);
  const data = () => (data.read ??= JSON.parse($("data").textContent));
  const labels = new Map([...$("outcome").options].map(option => [option.value, option.textContent]));
  const fails = new Set(["broken", "undocumented", "unexpected-pass", "engine"]);
  const body = $("clauses").tBodies[0];
  const rows = [...body.rows].map((element, place) => {
    const cells = [...element.cells];
    return {
      element, place, link: cells[0].firstElementChild, id: cells[0].firstElementChild.textContent,
      kind: element.dataset.kind, provider: element.dataset.provider, action: cells[1].textContent, status: cells[2].textContent,
      outcomes: cells.slice(3).map(cell => cell.className.slice(2)),
    };
  });
  const byID = new Map(rows.map(row => [row.id, row]));
  const total = rows.filter(row => row.kind === "clause").length;

  // el makes an element: el("td", {class: "number"}, "text", anotherElement).
  const el = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== undefined && value !== false) element.setAttribute(key, value);
    element.append(...children.filter(child => child !== undefined && child !== ""));
    return element;
  };
  const svg = (name, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const link = address => /^https?:\/\//.test(address) ? el("a", {href: address, rel: "noreferrer"}, address) : el("span", {}, address ?? "");

  // Filters and search.
  let texts; // what is searched, by place; made when somebody searches
  const textsOf = () => texts ??= rows.map(row => {
    const parts = [row.id, row.element.cells[0].textContent];
    for (const part of partsOf(row.id)) parts.push(part.result.reason, part.result.text ?? "");
    const clause = clauseOf(row.id);
    for (const wording of clause?.wordings ?? []) parts.push(wording.code, wording.message);
    return parts.join("\n").toLowerCase();
  });
  const shown = () => rows.filter(row => !row.element.hidden).sort((a, b) => a.at - b.at);
  const filter = () => {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const want = Object.fromEntries(["kind", "provider", "action", "status", "outcome"].map(id => [id, $(id).value]));
    const searched = words.length ? textsOf() : undefined;
    let n = 0;
    for (const row of rows) {
      const has = (!want.kind || row.kind === want.kind) && (!want.provider || row.provider === want.provider) &&
        (!want.action || row.action === want.action) && (!want.status || row.status === want.status) &&
        (!want.outcome || row.outcomes.some(o => want.outcome === "fails" ? fails.has(o) : o === want.outcome)) &&
        (!searched || words.every(word => searched[row.place].includes(word)));
      row.element.hidden = !has;
      if (has) n++;
    }
    $("count").textContent = !n ? "nothing matches: clear the filters" : want.kind === "clause" ? `${n.toLocaleString("en")} of ${total.toLocaleString("en")} clauses` : `${n.toLocaleString("en")} rows`;
  };
  let pending;
  const form = document.querySelector(".filters");
  form.addEventListener("input", () => { cancelAnimationFrame(pending); pending = requestAnimationFrame(filter); });
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  document.querySelector(".overview")?.addEventListener("click", event => {
    const button = event.target.closest("button");
    if (!button) return;
    form.reset();
    $("action").value = button.dataset.action;
    $("status").value = button.dataset.status;
    filter();
    $("matrix").scrollIntoView();
    $("matrix").focus({preventScroll: true});
  });

  // Sorting: by a column, the contract's order between equals; a third press goes back to it.
  const order = [...labels.keys()];
  const keys = {id: row => row.id, action: row => row.action, status: row => Number(row.status)};
  rows.forEach(row => row.at = row.place);
  document.querySelector("#clauses thead").addEventListener("click", event => {
    const button = event.target.closest("button");
    if (!button) return;
    const head = button.parentElement;
    const sort = {none: "ascending", ascending: "descending", descending: "none"}[head.getAttribute("aria-sort")];
    for (const other of head.parentElement.children) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", sort);
    const key = keys[button.dataset.sort] ?? (row => order.indexOf(row.outcomes[button.dataset.sort]));
    const missing = row => key(row) === -1; // the column has no run of it: last, whichever way
    const sign = sort === "descending" ? -1 : 1;
    const compare = (a, b) => a < b ? -1 : a > b ? 1 : 0;
    const sorted = [...rows].sort((a, b) => (sort === "none" ? 0 : missing(a) - missing(b) || sign * compare(key(a), key(b))) || a.place - b.place);
    sorted.forEach((row, at) => row.at = at);
    body.append(...sorted.map(row => row.element));
  });

  // What the data has of a row.
  const over = run => run.tenant ? `${run.transport}, ${run.tenant}` : run.transport;
  const clauseOf = id => (data.clauses ??= new Map(data().contracts.flatMap(c => c.clauses.map(clause => [clause.id, clause])))).get(id);
  const partsOf = id => {
    if (!data.parts) {
      data.parts = new Map();
      const add = (key, part) => data.parts.has(key) ? data.parts.get(key).push(part) : data.parts.set(key, [part]);
      for (const run of data().runs) {
        for (const result of run.results) add(result.clause, {run, result});
        for (const check of run.extraChecks ?? []) add(check.id, {run, result: check, check});
      }
    }
    return data.parts.get(id) ?? [];
  };

  // The detail of a row.
  const table = (head, lines, attributes = {}) => el("table", {class: "fields", ...attributes},
    el("thead", {}, el("tr", {}, ...head.map(text => el("th", {scope: "col"}, text)))), el("tbody", {}, ...lines));
  const fact = (name, ...value) => value.some(v => v !== undefined && v !== "") ? [el("dt", {}, name), el("dd", {}, ...value)] : [];
  const pill = outcome => el("span", {class: `pill o-${outcome}`}, labels.get(outcome) ?? outcome);
  const documented = clause => [
    el("p", {}, clause.title),
    el("dl", {class: "facts"},
      ...fact("request", el("code", {}, `${clause.method} ${clause.path}`)),
      ...fact("documented in", `${clause.source.row}, edition ${clause.source.edition}: `, link(clause.source.url)),
      ...fact("its cells", el("code", {}, (clause.source.cells ?? []).join(" | "))),
      ...fact("evidence", clause.evidence), ...fact("remedy", clause.remedy), ...fact("contract", el("code", {}, `${clause.file}:${clause.line}`))),
    el("h3", {}, clause.wordings.length > 1 ? `Documented in ${clause.wordings.length} wordings` : "Documented"),
    table(["code", "message", "editions"], clause.wordings.map(w => el("tr", {}, el("td", {}, w.code),
      el("td", {}, w.message, ...(w.details ?? []).map(detail => el("div", {class: "muted"}, detail))), el("td", {}, w.editions.join(", "))))),
  ];
  // compared is what was documented, received and surfaced, field by field: first what differs, then what is the same.
  const comparable = new Set(["honored", "not-exposed", "erratum", "deviating", "broken"]);
  const compared = ({run, result}, clause) => {
    const list = result.deviations ?? [], rows = list.map(d => deviation(d, result.clause));
    if (clause && result.ran > 0 && comparable.has(result.outcome) && (rows.length || result.outcome !== "broken")) {
      const codes = [...new Set(clause.wordings.map(w => w.code))], n = clause.wordings.length;
      const values = {status: clause.status, code: codes.join(", or "), name: clause.name && `@${clause.name}`,
        message: n > 1 ? `one of ${n} wordings` : clause.wordings[0].message};
      for (const [field, value] of Object.entries(values)) {
        if (!value || list.some(d => d.field === field)) continue;
        const surfaced = run.client.exposes.includes(field) ? "the same" : "not exposed";
        rows.push(el("tr", {}, el("th", {scope: "row"}, field), el("td", {}, String(value)), el("td", {}, "the same"),
          el("td", {class: surfaced === "not exposed" ? "muted" : undefined}, surfaced)));
      }
    }
    return rows.length ? [table(["field", "documented", "received", "surfaced"], rows)] : [];
  };
  const deviation = (d, clause) => {
    const wording = d.wording.slice(clause.length);
    return el("tr", {class: d.binds ? "binds" : undefined},
      el("th", {scope: "row"}, d.field, wording ? el("div", {class: "muted"}, wording) : "", d.note ? el("div", {class: "muted"}, d.note) : "", d.binds ? "" : el("div", {class: "muted"}, "does not fail")),
      el("td", {}, d.documented), el("td", {class: d.surfaced ? undefined : "differs"}, d.received),
      el("td", {class: d.surfaced ? "differs" : undefined}, d.surfaced ?? "–"));
  };
  const outcomeOf = clause => ({run, result}) => {
    const parts = [el("h3", {}, `${run.client.name} · ${over(run)} `, pill(result.outcome)), el("p", {}, result.reason)];
    parts.push(...compared({run, result}, clause));
    parts.push(el("dl", {class: "facts"},
      ...fact("wordings run", result.ran > 1 ? `${result.ran}, ${result.honored} honored` : ""),
      ...fact("not exposed", (result.notExposed ?? []).join(", ")), ...fact("errata", (result.errata ?? []).join(", "))));
    if (result.response) parts.push(el("h3", {}, "Response"), el("pre", {tabindex: "0", role: "region", "aria-label": "the response"}, result.response));
    if (result.text) parts.push(el("details", fails.has(result.outcome) ? {open: ""} : {}, el("summary", {}, "The whole text"),
      el("pre", {tabindex: "0", role: "region", "aria-label": "the whole text"}, result.text)));
    parts.push(...schedulesOf(result));
    return parts;
  };
  const dialog = $("detail");
  let current, opener;
  const open = row => {
    current = row;
    const clause = clauseOf(row.id), parts = partsOf(row.id), check = parts.find(part => part.check)?.check;
    $("detail-title").textContent = row.id;
    const related = check?.clause ? clauseOf(check.clause) : undefined;
    $("detail-body").replaceChildren(...(clause ? documented(clause) : [el("p", {}, check?.title ?? "")]),
      ...(related ? [el("p", {}, "of ", el("a", {href: `#${related.id}`}, related.id))] : []), ...parts.flatMap(outcomeOf(clause)));
    if (!dialog.open) {
      opener = document.activeElement;
      dialog.showModal();
    }
    dialog.querySelector("article").scrollTop = 0;
    dialog.querySelector("article").focus();
    const list = shown(), at = list.indexOf(row);
    $("previous").disabled = at <= 0;
    $("next").disabled = at < 0 || at === list.length - 1;
  };
  const turn = by => {
    const list = shown(), row = list[list.indexOf(current) + by];
    if (row && current) location.replace(`#${encodeURIComponent(row.id)}`);
  };
  const addressed = () => {
    const id = location.hash.slice(1);
    try { return byID.get(decodeURIComponent(id)); } catch { return byID.get(id); }
  };
  const route = () => {
    const row = addressed();
    if (row) open(row);
    else if (dialog.open) dialog.close();
  };
  addEventListener("hashchange", route);
  dialog.addEventListener("close", () => {
    if (addressed()) history.replaceState(null, "", location.pathname + location.search);
    (current && !current.element.hidden && opener && body.contains(opener) ? current.link : opener)?.focus();
  });
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  $("close").addEventListener("click", () => dialog.close());
  $("previous").addEventListener("click", () => turn(-1));
  $("next").addEventListener("click", () => turn(1));
  $("print").addEventListener("click", () => print());
  // A link to what is open already changes no address.
  document.addEventListener("click", event => {
    const address = event.target.closest?.('a[href^="#"]')?.hash;
    if (address && address === location.hash) route();
  });
  body.addEventListener("click", event => {
    if (event.target.closest("a") || String(getSelection())) return;
    event.target.closest("tr")?.querySelector("a").click();
  });

  // Keys.
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (dialog.open) {
      if (event.key === "ArrowLeft" || event.key === "ArrowRight") turn(event.key === "ArrowLeft" ? -1 : 1);
    } else if (event.key === "/" && !typing) {
      event.preventDefault();
      $("search").focus();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && (body.contains(event.target) || event.target === $("search"))) {
      const list = shown(), at = list.findIndex(row => row.link === event.target);
      const row = list[at + (event.key === "ArrowDown" ? 1 : -1)];
      event.preventDefault();
      (row?.link ?? $("search")).focus();
      row?.element.scrollIntoView({block: "nearest"});
    }
  });

  // Retry schedules.
  const span = seconds => {
    if (seconds > 3.2e9) return "more than 100 years";
    for (const [unit, length] of [["h", 3600], ["min", 60], ["s", 1]]) if (seconds >= length) return `${+(seconds / length).toFixed(seconds / length < 10 ? 1 : 0)} ${unit}`;
    return seconds ? `${+(seconds * 1000).toFixed(1)} ms` : "0";
  };
  const nice = rough => {
    for (const unit of [0.001, 0.01, 0.1, 1, 60, 3600]) for (const by of [1, 2, 5, 10, 15, 30]) if (unit * by >= rough) return unit * by;
    return rough;
  };
  const draw = schedule => {
    const attempts = schedule.attempts, width = 720, left = 12, inner = width - 2 * left;
    const last = Math.max(schedule.ended, attempts.at(-1)?.at ?? 0);
    const end = Math.max(last, ...attempts.map(a => Math.min(a.at + (a.requestedDelay ?? 0), Math.max(2 * last, 60)))) * 1.04 || 1;
    const x = t => left + inner * Math.min(t, end) / end;
    const picture = svg("svg", {viewBox: `0 0 ${width} 74`, role: "img",
      "aria-label": `${attempts.length} attempts at ${attempts.map(a => span(a.at)).join(", ")}; the client ${schedule.outcome} at ${span(schedule.ended)}`});
    picture.append(svg("line", {class: "axis", x1: left, x2: width - left, y1: 50, y2: 50}));
    const step = nice(end / 7);
    for (let t = 0; t <= end; t += step) picture.append(svg("line", {class: "axis", x1: x(t), x2: x(t), y1: 48, y2: 54}),
      svg("text", {x: x(t), y: 67, "text-anchor": t ? "middle" : "start"}, span(t)));
    attempts.forEach((a, i) => {
      const lane = i % 2 ? 28 : 21, next = a.at + (a.waited ?? 0); // two lanes: a requested delay may end after the next attempt
      if (a.requestedDelay) picture.append(svg("rect", {class: "requested", x: x(a.at), y: lane, width: Math.max(1, x(a.at + a.requestedDelay) - x(a.at)), height: 5, rx: 2}, svg("title", {}, `asks to wait ${span(a.requestedDelay)}`)));
      if (a.earlyBy) picture.append(svg("rect", {class: "early", x: x(next), y: lane, width: Math.max(2, x(a.at + a.requestedDelay) - x(next)), height: 5, rx: 2}, svg("title", {}, `too early by ${span(a.earlyBy)}`)));
      if (a.earlyBy && i < 3) picture.append(svg("text", {class: "late", x: Math.min(x(next) + 12, width - 110), y: 13}, `too early by ${span(a.earlyBy)}`));
      if (i + 1 < attempts.length) picture.append(svg("line", {class: "waited", x1: x(a.at), x2: x(next), y1: 40, y2: 40}));
    });
    attempts.forEach((a, i) => {
      picture.append(svg("circle", {class: a.status >= 200 && a.status < 400 ? "attempt ok" : "attempt", cx: x(a.at), cy: 40, r: 4}, svg("title", {}, `attempt ${i + 1} at ${span(a.at)}: ${a.status || "no response"}`)));
      if (i < 9) picture.append(svg("text", {x: x(a.at), y: 13, "text-anchor": "middle"}, String(i + 1)));
    });
    const lines = attempts.slice(0, 12).map((a, i) => el("tr", {}, el("th", {scope: "row", class: "number"}, String(i + 1)),
      el("td", {}, span(a.at)), el("td", {}, String(a.status || "no response")), el("td", {}, a.requestedDelay ? span(a.requestedDelay) : "none", a.delaySource ? ` (${a.delaySource})` : ""),
      el("td", {class: a.earlyBy || a.lateBy ? "differs" : undefined}, i + 1 < attempts.length ? span(a.waited ?? 0) : "–", a.earlyBy ? `, too early by ${span(a.earlyBy)}` : a.lateBy ? `, too late by ${span(a.lateBy)}` : "")));
    return el("figure", {class: "schedule"}, el("figcaption", {}, `${schedule.case}: the client ${schedule.outcome} at ${span(schedule.ended)}`), picture,
      el("p", {class: "muted keys"}, "dots: requests; line: how long the client waited; bars: the delay that a response asked for, red where the next request came too early"),
      el("details", {}, el("summary", {}, "Attempt by attempt"), table(["attempt", "at", "status", "requested delay", "waited"], lines),
        attempts.length > 12 ? el("p", {}, `and ${attempts.length - 12} attempts more`) : "", schedule.repeated ? el("p", {}, `sent ${attempts.length} times: ${schedule.repeated}`) : ""));
  };
  const schedulesOf = result => [...(result.schedules ?? []).map(draw),
    ...(result.moreSchedules ? [el("p", {class: "muted"}, `and ${result.moreSchedules} more without a fault`)] : [])];
  const section = $("schedules");
  const fill = () => {
    for (const run of data().runs) {
      const entries = [...run.results.map(result => [result.clause, result]), ...(run.extraChecks ?? []).map(check => [check.id, check])]
        .filter(([, result]) => result.schedules?.length);
      if (!entries.length) continue;
      const list = el("div");
      const outer = el("details", {}, el("summary", {}, el("b", {}, String(entries.length)), ` of ${run.client.name}, ${run.provider}, ${over(run)}`), list);
      outer.addEventListener("toggle", () => {
        if (!outer.open || list.childElementCount) return;
        for (const [id, result] of entries) {
          const drawn = el("div");
          const one = el("details", {}, el("summary", {}, el("code", {}, id), " ", pill(result.outcome)), el("p", {class: "muted"}, result.title ?? result.reason), drawn);
          one.addEventListener("toggle", () => { if (one.open && !drawn.childElementCount) drawn.append(...schedulesOf(result)); });
          list.append(one);
        }
      });
      section.append(outer);
    }
  };
  if (section) new IntersectionObserver((seen, observer) => {
    if (seen.some(entry => entry.isIntersecting)) { observer.disconnect(); fill(); }
  }, {rootMargin: "400px"}).observe(section);

  filter();
  route();
})();
