// Draws the game that Python sends, and reports what the player wants.
const KEYS = "Enter plays · ↑ recalls · Shift+Enter asks what if · Esc returns to the notebook";

function percent(p) {
  return p > 0.995 ? "100" : p < 0.01 ? "<1" : String(Math.round(100 * p));
}

// What a model sampled: the fuller the bar, the surer it was.
function drawTokens(tokens) {
  const box = element("details", "tokens");
  const mean = tokens.reduce((sum, t) => sum + t.entropy, 0) / tokens.length;
  const likely = tokens.reduce((product, t) => product * t.p, 1);
  box.append(element("summary", "",
    `its ${tokens.length} tokens: probability ${percent(likely)} %, ` +
    `entropy ${mean.toFixed(2)} nats a token`));
  const table = element("table");
  const head = element("tr");
  for (const name of ["token", "probability %", "entropy", "instead, perhaps"]) {
    head.append(element("th", "", name, { scope: "col" }));
  }
  table.append(head);
  for (const { text, p, entropy, others } of tokens) {
    const row = element("tr");
    const bar = element("td", "bar-cell", percent(p));
    bar.style.setProperty("--p", p);
    const rest = others.filter(([, q]) => q >= 0.005)
      .map(([other, q]) => `${JSON.stringify(other)} ${percent(q)}`).join("   ");
    row.append(element("th", "token", JSON.stringify(text), { scope: "row" }), bar,
      element("td", "number", entropy.toFixed(2)), element("td", "others", rest));
    table.append(row);
  }
  box.append(table);
  return box;
}

function drawRow(row, branch) {
  const turn = element("div", row.who ? "turn by-model" : "turn");
  const said = element("p", "command");
  if (row.who) said.append(element("span", "who", row.who));
  said.append(element("kbd", "", `> ${row.command}`));
  if (row.mark) said.append(element("span", "mark", row.mark));
  if (row.reward) {
    said.append(element("strong", row.gain ? "reward gain" : "reward pain", row.reward));
  }
  const back = button("branch", `Go on beside this, from before turn ${row.turn}`, branch);
  back.classList.add("fork");
  back.setAttribute("aria-label", `Branch before turn ${row.turn}`);
  said.append(back);
  turn.append(said);
  if (row.tokens.length) turn.append(drawTokens(row.tokens));
  turn.append(element("p", "world", row.answer));
  return turn;
}

function drawNote(note, take) {
  const box = element("div", `note ${note.kind}`);
  const head = element("p", "command");
  head.append(element("span", "badge", note.title));
  if (note.kind === "hint" && note.command) {
    head.append(element("span", "", "The expert, who sees everything, would do:"));
  }
  box.append(head);
  if (note.command) {
    const line = element("p", "command");
    line.append(element("kbd", "", `> ${note.command}`));
    if (note.kind === "what-if") {
      line.append(element("strong", "reward", note.reward));
    }
    line.append(button("Do it", "Play this command", take));
    box.append(line);
  }
  box.append(element("p", "world", note.text));
  return box;
}

function render({ model, el }) {
  let view = model.get("view");
  let recalled = 0; // how many commands back the arrow keys have gone
  let runs = false; // whether the policy plays to the end
  const { root, ask, start, stop } =
    frame(model, el, "stepper", "Play the game", draw);

  const head = element("header");
  const name = element("strong", "name");
  const state = element("span", "status");
  const score = element("span", "fact");
  const reward = element("span", "fact");
  head.append(name, state, score, reward);
  const meter = element("div", "meter", "", { "aria-hidden": "true" });
  const log = element("div", "log", "", { role: "log", "aria-live": "off" });
  log.tabIndex = 0;

  const form = element("form", "bar");
  const input = element("input", "", "", {
    "aria-label": "Your command", autocapitalize: "off", autocomplete: "off",
    maxlength: "150", placeholder: "type a command", spellcheck: "false", type: "text",
  });
  const play = button("Play", "Play this command (Enter)");
  play.type = "submit";
  const whatIf = button("What if?", "See the answer without playing (Shift+Enter)",
    () => wonder(input.value));
  form.append(input, play, whatIf);

  const choices = element("details", "choices");
  choices.open = true;
  const count = element("summary");
  const list = element("div", "list", "",
    { role: "group", "aria-label": "Commands that work here" });
  choices.append(count, list);

  const undo = button("Undo", "Take the last turn back", () => ask({ do: "undo" }));
  const fork = button("Branch here", "Keep what was played, and go on beside it",
    () => ask({ do: "branch", turns: view.turn }));
  const hint = button("Hint", "What would the expert do? (privileged)",
    () => ask({ do: "hint" }));
  const save = button("Save", "Save as an episode", () => ask({ do: "save" }));
  const restart = button("Restart", "Begin this line again",
    () => ask({ do: "restart" }));
  const tools = element("div", "tools", "", { role: "toolbar", "aria-label": "Game" });
  tools.append(undo, fork, hint, save, restart);
  const player = element("span", "who");
  const once = button("one turn", "", () => ask({ do: "model" }));
  const out = button("to the end", "", () => run(!runs));
  const hand = element("div", "hand", "", { role: "group" });
  hand.append(element("span", "", "Hand over to"), player, once, out);

  const side = element("aside");
  const help = element("p", "help");
  const main = element("div", "main");
  const end = element("p", "end",
    "Undo or Branch to try another way, Save to keep it, Restart to begin again.");
  main.append(log, form, choices, end);
  const body = element("div", "body");
  body.append(main, side);
  const foot = element("footer");
  foot.append(tools, hand);

  function run(on) {
    runs = on;
    out.textContent = runs ? "stop" : "to the end";
    if (runs) ask({ do: "model" });
  }

  function type(text) {
    if (!text.trim() || view.over) return;
    input.value = "";
    recalled = 0;
    ask({ do: "type", text });
  }

  function wonder(text) {
    if (text.trim()) ask({ do: "what-if", text });
  }

  function matching() {
    const typed = input.value.trim().toLowerCase();
    return view.choices.filter((c) => c.toLowerCase().includes(typed));
  }

  function drawChoices() {
    const fits = new Set(matching());
    list.replaceChildren(...view.choices.map((choice, k) => {
      const made = button(choice, "Play it; with Shift: what if?", (event) => {
        if (event.shiftKey) wonder(choice);
        else type(choice);
      });
      if (k < 9) made.prepend(element("kbd", "digit", String(k + 1)));
      made.hidden = !fits.has(choice);
      return made;
    }));
    const all = view.choices.length + view.unlisted;
    count.textContent = `${all} command${all === 1 ? "" : "s"} work here `;
    count.append(element("span", "quiet", "(a model is not told)"));
    choices.hidden = !all || Boolean(view.over);
    whatIf.disabled = view.over || !input.value.trim();
  }

  function complete() {
    const typed = input.value.toLowerCase();
    const fits = matching();
    const found = fits.find((c) => c.toLowerCase().startsWith(typed)) ?? fits[0];
    if (!typed.trim() || !found || found === input.value) return false;
    input.value = found;
    drawChoices();
    return true;
  }

  function recall(step) {
    const typed = view.log.map((row) => row.command);
    recalled = Math.min(Math.max(recalled + step, 0), typed.length);
    input.value = recalled ? typed[typed.length - recalled] : "";
    drawChoices();
  }

  function drawSide() {
    const parts = [];
    if (view.map) {
      const figure = element("figure");
      figure.append(drawing(view.map), element("figcaption", "", view.legend));
      parts.push(figure);
    }
    for (const [title, entries] of Object.entries(view.lists)) {
      const box = element("div", "entries");
      box.append(element("h4", "", title));
      const items = element("ul");
      items.append(...entries.map((entry) => element("li", "", entry)));
      box.append(entries.length ? items : element("p", "quiet", "nothing"));
      parts.push(box);
    }
    if (view.lines.length) {
      const box = element("div", "lines", "", { role: "group", "aria-label": "Branches" });
      box.append(element("h4", "", "Branches"));
      for (const { line, label, here } of view.lines) {
        const made = button(label, "Go on with this branch",
          () => ask({ do: "switch", line }));
        made.setAttribute("aria-pressed", here);
        box.append(made);
      }
      parts.push(box);
    }
    side.replaceChildren(...parts);
    side.hidden = parts.length === 0;
  }

  function drawLog() {
    const rows = view.log.map((row) =>
      drawRow(row, () => ask({ do: "branch", turns: row.turn - 1 })));
    if (view.left_out) {
      rows.unshift(element("p", "quiet", `${view.left_out} earlier turns not shown`));
    }
    const newest = rows.at(-1)?.querySelector(".tokens");
    if (newest) newest.open = true;
    log.replaceChildren(element("p", "world first", view.first), ...rows);
    if (view.note) log.append(drawNote(view.note, () => type(view.note.command)));
    toEnd();
  }

  function toEnd() {
    log.scrollTop = view.turn || view.note ? log.scrollHeight : 0;
  }

  function draw(next) {
    const focused = document.activeElement;
    const typing = root.contains(focused);
    view = next;
    root.dataset.over = view.over;
    name.textContent = view.task;
    state.textContent = view.status;
    score.textContent = view.score;
    reward.textContent = view.reward && `Reward ${view.reward}`;
    meter.style.setProperty("--done", view.turns ? view.turn / view.turns : 0);
    const over = Boolean(view.over);
    play.disabled = input.disabled = hint.disabled = once.disabled = out.disabled = over;
    undo.disabled = restart.disabled = fork.disabled = save.disabled = !view.turn;
    form.hidden = over;
    end.hidden = !over;
    hint.hidden = view.plain;
    help.textContent = (view.plain ? "" : "Digits choose · Tab completes · ") + KEYS;
    hand.hidden = !view.policy;
    player.textContent = view.policy;
    drawLog();
    drawChoices();
    drawSide();
    if (typing && (focused.disabled || !root.contains(focused))) {
      (over ? restart : input).focus({ preventScroll: true });
    }
    if (runs) run(!over && !view.note);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    type(input.value);
  });
  input.addEventListener("input", drawChoices);
  root.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const picked = view.choices[Number(key) - 1];
    let done = true;
    if (key === "Enter" && target === input) {
      if (event.shiftKey) wonder(input.value);
      else type(input.value);
    } else if (target === input && key === "ArrowUp") recall(1);
    else if (target === input && key === "ArrowDown") recall(-1);
    else if (target === input && key === "Tab" && !event.shiftKey) done = complete();
    else if (/^[1-9]$/.test(key) && picked && !input.value) type(picked);
    else if (key === "/" && target !== input) input.focus();
    else done = false;
    if (done) event.preventDefault();
  });

  const sized = new ResizeObserver(toEnd); // the first drawing has no size yet
  sized.observe(log);
  start(head, meter, body, foot, help);
  return () => {
    sized.disconnect();
    stop();
  };
}

export default { render };
