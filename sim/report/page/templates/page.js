// What the page can do beside being read: sort, filter, open calls, download, copy, go dark.
// Everything it shows is set as text; nothing here writes HTML from data, and nothing asks a network.
"use strict";

const ROWS_A_PAGE = 25;
const FIGURE_ROWS_MAX = 500;
const US_PER_S = 1e6;

const find = (selector, within = document) => within.querySelector(selector);
const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];

function create(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function announce(text) {
  find("#status").textContent = text;
}

// one parse of each section's data, when it is first needed
const sections = new Map();
function getSection(key) {
  if (!sections.has(key)) sections.set(key, JSON.parse(find(`#${key}-data`).textContent));
  return sections.get(key);
}

// theme ------------------------------------------------------------------------------------------

function startTheme() {
  const button = find("#theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Show the page light" : "Show the page dark");
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    show();
  });
  system.addEventListener("change", show);
  show();
  button.hidden = false;
}

// tables -----------------------------------------------------------------------------------------

function getSortKey(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
  return cell.classList.contains("number") ? null : cell.textContent.trim().toLowerCase();
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

// what has no number stays last, whichever way the others go
function sortTable(table, column, direction) {
  const body = table.tBodies[0];
  const keyed = [...body.rows].map((row) => ({ row, key: getSortKey(row, column) }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
    return direction * compare(a.key, b.key);
  });
  body.append(...keyed.map((each) => each.row));
}

function startSorting(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.dataset.heading = head.textContent; // what paper shows
    const button = create("button", { type: "button", className: "sort" }, ...head.childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const ascending = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      sortTable(table, column, ascending ? 1 : -1);
      announce(`Sorted by ${button.textContent}, ${ascending ? "rising" : "falling"}`);
    });
  });
}

function startFilter(form) {
  const table = document.getElementById(form.dataset.filter);
  const rows = [...table.tBodies[0].rows].map((row) => ({
    row,
    text: `${row.cells[0].textContent} ${row.cells[0].title} ${row.dataset.policy}`.toLowerCase(),
  }));
  const { text, policy, all } = form.elements;
  const show = () => {
    const sought = text.value.trim().toLowerCase();
    let shown = 0;
    for (const each of rows) {
      const fits =
        (all.checked || each.row.dataset.primary === "1") &&
        (!policy.value || each.row.dataset.policy === policy.value) &&
        each.text.includes(sought);
      each.row.hidden = !fits;
      shown += fits;
    }
    find("[data-count]", form).textContent = `${shown} of ${rows.length} rows`;
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  show();
}

// what may be wider than the screen, scrolled by itself and with the keyboard too
function createRegion(label, table) {
  const region = create("div", { className: "scroll", tabIndex: 0 }, table);
  region.setAttribute("role", "region");
  region.setAttribute("aria-label", label);
  return region;
}

// figures' rows ----------------------------------------------------------------------------------

function createFigureTable({ columns, rows }) {
  const head = create("tr", {}, ...columns.map((name) => create("th", { scope: "col" }, name)));
  const body = rows.slice(0, FIGURE_ROWS_MAX).map((row) =>
    create("tr", {}, ...row.map((cell) => {
      const isNumber = typeof cell === "number";
      return create("td", { className: isNumber ? "number" : "" }, cell === null ? "" : String(cell));
    })),
  );
  const table = create("table", {}, create("thead", {}, head), create("tbody", {}, ...body));
  const region = createRegion("Rows of the figure", table);
  if (rows.length <= FIGURE_ROWS_MAX) return [region];
  const rest = `The first ${FIGURE_ROWS_MAX} of ${rows.length} rows; the download has all of them.`;
  return [create("p", { className: "note" }, rest), region];
}

function startFigureRows(details) {
  details.addEventListener("toggle", () => {
    const holder = find(".holder", details);
    if (!details.open || holder.childNodes.length) return;
    const { tables } = getSection(details.dataset.section);
    holder.append(...createFigureTable(tables[details.dataset.rows]));
  });
}

// downloads: RFC 4180; what a spreadsheet would take for a formula gets a quote in front
function formatCell(cell) {
  if (cell === null) return "";
  if (typeof cell === "number") return String(cell);
  if (typeof cell === "boolean") return cell ? "True" : "False"; // as Python spells them
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function createCsv({ columns, rows }) {
  return [columns, ...rows].map((row) => `${row.map(formatCell).join(",")}\r\n`).join("");
}

function startDownload(button) {
  button.addEventListener("click", () => {
    const { section, download, file } = button.dataset;
    const csv = new Blob([createCsv(getSection(section).tables[download])], { type: "text/csv" });
    const link = create("a", { href: URL.createObjectURL(csv), download: file });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    announce(`${file} downloaded`);
  });
  button.hidden = false;
}

function selectAsLastResort(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

function startCopy(button) {
  const element = document.getElementById(button.dataset.copy);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(element.textContent);
      announce("Copied");
    } catch {
      selectAsLastResort(element);
      announce("Selected; copy it with the keyboard");
    }
  });
  button.hidden = false;
}

// calls ------------------------------------------------------------------------------------------

const FLAGS = { mediated: 1, legit: 2, irreversible: 4, cancelled: 8 };

class Calls {
  constructor(data, folder) {
    Object.assign(this, data);
    this.folder = folder;
    this.n = data.columns.policy.length;
    this.order = this.createOrder();
    this.rowsByName = new Map();
    for (let row = 0; row < this.n; row += 1) {
      const name = this.getName(row);
      if (!this.rowsByName.has(name)) this.rowsByName.set(name, []);
      this.rowsByName.get(name).push(row);
    }
  }

  // by time, and of one time by policy: a call stands beside itself under the other policies
  createOrder() {
    const { submitted_us: time, policy } = this.columns;
    return [...time.keys()].sort((a, b) => time[a] - time[b] || policy[a] - policy[b]);
  }

  getName(row) {
    const { who, task, call, attempt } = this.columns;
    return `${this.who[who[row]]}/${task[row]}/${call[row]}/${attempt[row]}`;
  }

  has(row, flag) {
    return (this.columns.flags[row] & FLAGS[flag]) !== 0;
  }

  getOutcome(row) {
    const code = this.columns.code[row];
    if (code < 0) return "pending";
    if (code > 0) return "refused";
    return this.has(row, "cancelled") ? "cancelled" : "executed";
  }

  describeOutcome(row) {
    const outcome = this.getOutcome(row);
    if (outcome === "refused") return `refused: ${this.reasons[this.columns.code[row]][0]}`;
    return outcome === "cancelled" ? "executed, called off in time" : outcome;
  }

  describeTruth(row) {
    const goal = this.goals[this.columns.goal[row]];
    if (goal === "attack") return "attack";
    return this.has(row, "legit") ? "asked for" : `nobody asked (${goal})`;
  }

  describeOrgs(row) {
    const { caller, owner } = this.columns;
    const [from, to] = [this.org[caller[row]], this.org[owner[row]]];
    return from === to ? from : `${from} → ${to}`;
  }

  isRemarkable(row) {
    const isBound = this.policies[this.columns.policy[row]].bound;
    return (!isBound && this.columns.code[row] !== 0) || this.describeTruth(row) !== "asked for";
  }

  getFailing(row) {
    return this.failing[this.columns.failing[row]];
  }
}

function createFilter(calls, form) {
  const value = (name) => form.elements[name].value.trim();
  const [policy, outcome, reason, truth] = ["policy", "outcome", "reason", "truth"].map(value);
  const [agent, org, text] = [value("agent").toLowerCase(), value("org"), value("text").toLowerCase()];
  const from = value("from") === "" ? -Infinity : Number(value("from")) * US_PER_S;
  const to = value("to") === "" ? Infinity : Number(value("to")) * US_PER_S;
  const { columns } = calls;
  return (row) =>
    (!form.elements.remarkable.checked || calls.isRemarkable(row)) &&
    (!policy || columns.policy[row] === Number(policy)) &&
    (!outcome || calls.getOutcome(row) === outcome) &&
    (!reason || columns.code[row] === Number(reason)) &&
    (!truth || calls.has(row, "legit") === (truth === "1")) &&
    columns.submitted_us[row] >= from &&
    columns.submitted_us[row] <= to &&
    (!org || calls.org[columns.caller[row]] === org || calls.org[columns.owner[row]] === org) &&
    (!agent || calls.who[columns.who[row]].toLowerCase().includes(agent)) &&
    (!text || `${calls.getName(row)} ${calls.what[columns.what[row]]}`.toLowerCase().includes(text));
}

function createChecksTable(calls, row) {
  const rows = calls.checks[row].map((number) => {
    const [check, verdict, required, held, weight] = calls.check[number].map((t) => calls.text[t]);
    const cells = [verdict, required, held].map((text) => create("td", {}, text));
    return create("tr", { className: weight }, create("th", { scope: "row" }, check), ...cells);
  });
  const heads = ["check", "verdict", "required", "held"];
  const head = create("tr", {}, ...heads.map((text) => create("th", { scope: "col" }, text)));
  const table = create("table", {}, create("thead", {}, head), create("tbody", {}, ...rows));
  return createRegion("Checks in order", table);
}

function createFailing(calls, row) {
  const failing = calls.getFailing(row);
  if (!failing.length) return create("p", { className: "note" }, "It fails no check.");
  const items = failing.map((code) => {
    const [name, prose] = calls.reasons[code];
    const decides = code === calls.columns.code[row] ? ", and decides" : "";
    return create("li", {}, create("code", {}, name), `: ${prose}${decides}`);
  });
  const title = "Checks it fails by the truth, binding here or not, from its receipt:";
  return create("div", {}, create("p", { className: "note" }, title), create("ul", {}, ...items));
}

function describeCall(calls, row) {
  if (calls.headings[row]) return calls.headings[row];
  const { columns, policies, reasons } = calls;
  const at = (columns.submitted_us[row] / US_PER_S).toFixed(3);
  const code = columns.code[row];
  const reason = code > 0 ? ` (${reasons[code][1]})` : "";
  const what = calls.what[columns.what[row]];
  const policy = policies[columns.policy[row]].name;
  return `${policy}: ${calls.getName(row)}, ${what} at ${at} s: ${calls.describeOutcome(row)}${reason}`;
}

function createUnderPolicy(calls, row, isOpen) {
  const content = calls.checks[row] ? createChecksTable(calls, row) : createFailing(calls, row);
  const harm = calls.columns.harm[row];
  const facts = [
    calls.describeTruth(row),
    calls.has(row, "irreversible") ? "cannot be undone" : "can be undone",
    harm ? `harm ${harm} value units if it is executed` : "no harm",
  ];
  const truth = create("p", { className: "note" }, `Ground truth: ${facts.join("; ")}.`);
  return create("details", { open: isOpen }, create("summary", {}, describeCall(calls, row)), truth, content);
}

// as `sim explain`: one call under each policy, the opened one unfolded
function createExplanation(calls, opened) {
  const name = calls.getName(opened);
  const known = calls.rowsByName.get(name);
  const inside = create("div", { className: "inside" });
  calls.policies.forEach((policy, number) => {
    const rows = known.filter((row) => calls.columns.policy[row] === number);
    if (rows.length) {
      inside.append(...rows.map((row) => createUnderPolicy(calls, row, row === opened)));
    } else {
      const isWhole = policy.shown === policy.calls;
      const why = isWhole ? "the call was never made" : "the call is not among those shown";
      inside.append(create("p", { className: "note" }, `${policy.name}: ${why}`));
    }
  });
  if (known.some((row) => calls.checks[row])) {
    const line = `sim explain ${calls.folder} ${name}`;
    inside.append(create("p", { className: "note" }, "The same in a terminal: ", create("code", {}, line)));
  }
  return create("tr", { className: "opened" }, create("td", { colSpan: 7 }, inside));
}

class CallList {
  constructor(root, calls) {
    this.root = root;
    this.calls = calls;
    this.form = find("form", root);
    this.table = find("table.calls", root);
    this.pages = find(".pages", root);
    this.page = 0;
    this.matching = [];
    this.marks = calls.policies.map(({ name }) =>
      find(".policy", document.getElementById(`${root.dataset.explore}-source-${name}`)));
    this.fillChoices();
    this.form.addEventListener("input", () => this.filter());
    this.form.addEventListener("reset", () => setTimeout(() => this.filter()));
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.pages.addEventListener("click", (event) => this.turn(event.target));
    this.table.tBodies[0].addEventListener("click", (event) => this.onClick(event));
    this.table.tBodies[0].addEventListener("keydown", (event) => this.onKey(event));
    for (const element of [this.form, this.table, this.pages]) element.hidden = false;
    this.filter();
  }

  fillChoices() {
    const { policies, reasons, org, who } = this.calls;
    const fill = (name, choices) => {
      const options = choices.map(([value, text]) => create("option", { value }, text));
      this.form.elements[name].append(create("option", { value: "" }, "any"), ...options);
    };
    fill("policy", policies.map((policy, number) => [String(number), policy.name]));
    const met = new Set(this.calls.columns.code);
    fill("reason", Object.entries(reasons).filter(([code]) => Number(code) > 0 && met.has(Number(code)))
      .map(([code, [name]]) => [code, name]));
    fill("org", [...org].filter(Boolean).sort(compare).map((name) => [name, name]));
    const options = [...who].sort(compare).slice(0, 500).map((value) => create("option", { value }));
    find("datalist", this.root).append(...options);
  }

  filter() {
    const fits = createFilter(this.calls, this.form);
    this.matching = this.calls.order.filter(fits);
    this.page = 0;
    this.show();
  }

  turn(button) {
    if (!button.dataset.page) return;
    this.page += Number(button.dataset.page);
    this.show();
  }

  show() {
    const first = this.page * ROWS_A_PAGE;
    const rows = this.matching.slice(first, first + ROWS_A_PAGE);
    this.table.tBodies[0].replaceChildren(...rows.map((row) => this.createRow(row)));
    const total = this.calls.policies.reduce((sum, policy) => sum + policy.calls, 0);
    const loaded = this.calls.n === total ? "" : `${this.calls.n.toLocaleString("en")} shown here of `;
    const range = rows.length ? `${first + 1} to ${first + rows.length}` : "None";
    find("[data-count]", this.root).textContent =
      `${range} of ${this.matching.length.toLocaleString("en")} that match, of ` +
      `${loaded}${total.toLocaleString("en")} calls`;
    const n_pages = Math.max(1, Math.ceil(this.matching.length / ROWS_A_PAGE));
    find("[data-place]", this.pages).textContent = `page ${this.page + 1} of ${n_pages}`;
    find('[data-page="-1"]', this.pages).disabled = this.page === 0;
    find('[data-page="1"]', this.pages).disabled = this.page >= n_pages - 1;
  }

  createRow(row) {
    const { calls } = this;
    const { columns } = calls;
    const button = create("button", { type: "button", className: "call" }, calls.getName(row));
    button.setAttribute("aria-expanded", "false");
    const outcome = create("td", { className: calls.getOutcome(row) }, calls.describeOutcome(row));
    const truth = calls.describeTruth(row);
    const isUnasked = truth !== "asked for";
    const element = create("tr", {},
      create("th", { scope: "row" }, button),
      create("td", {}, this.marks[columns.policy[row]].cloneNode(true)),
      create("td", {}, calls.what[columns.what[row]]),
      create("td", {}, calls.describeOrgs(row)),
      create("td", { className: "number" }, (columns.submitted_us[row] / US_PER_S).toFixed(3)),
      outcome,
      create("td", { className: isUnasked ? "unasked" : "" }, truth),
    );
    element.dataset.row = row;
    return element;
  }

  onClick(event) {
    const element = event.target.closest("tr[data-row]");
    if (element && !getSelection().toString()) this.toggle(element);
  }

  toggle(element) {
    const button = find("button.call", element);
    const isOpen = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) element.nextElementSibling.remove();
    else element.after(createExplanation(this.calls, Number(element.dataset.row)));
  }

  // arrows go from call to call, Escape closes
  onKey(event) {
    const element = event.target.closest("tr[data-row]");
    if (!element) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const buttons = findAll("button.call", this.table);
      const next = buttons[buttons.indexOf(find("button.call", element)) + step];
      if (next) next.focus();
      event.preventDefault();
    }
    const isOpen = find("button.call", element).getAttribute("aria-expanded") === "true";
    if (event.key === "Escape" && isOpen) this.toggle(element);
  }
}

function start() {
  startTheme();
  findAll("table.sortable").forEach(startSorting);
  findAll("form[data-filter]").forEach(startFilter);
  findAll("details.rows").forEach(startFigureRows);
  findAll("button[data-download]").forEach(startDownload);
  findAll("button[data-copy]").forEach(startCopy);
  for (const root of findAll("[data-explore]")) {
    const { calls, folder } = getSection(root.dataset.explore);
    new CallList(root, new Calls(calls, folder));
  }
}

start();
