// Draws the game that Python sends, and reports what the player wants.
const KEYS = "Enter plays · ↑ recalls · Shift+Enter asks what if · Esc returns to the notebook";
const EDIT_KEYS = "Enter begins a line · Ctrl+Enter sends · " + KEYS.slice(KEYS.indexOf("↑"));

function render({ model, el }) {
  let view = model.get("view");
  let recalled = 0; // how many commands back the arrow keys have gone
  let runs = false; // whether the policy plays to the end
  let drafted = view.draft; // the edit that was put into the box last
  let sent = ""; // an edit on its way: it comes back if it cannot be done
  const long = view.many_lines;
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
  const input = element(long ? "textarea" : "input", "", "", {
    "aria-label": "Your command", autocapitalize: "off", autocomplete: "off",
    spellcheck: "false", ...(long
      ? { rows: 7, placeholder: "type an action, or click a file or a line beside" }
      : { maxlength: "150", placeholder: "type a command", type: "text" }),
  });
  const play = button(long ? "Send" : "Play",
    `Play this ${long ? "action (Ctrl+Enter)" : "command (Enter)"}`);
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
  const desk = deskPanel(ask);
  const help = element("p", "help");
  const main = element("div", "main");
  const end = element("p", "end",
    "Undo or Branch to try another way, Save to keep it, Restart to begin again.");
  main.append(log, form, choices, end);
  const body = element("div", long ? "body repair" : "body");
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
    sent = long ? text : "";
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
      if (k < 9 && !long) made.prepend(element("kbd", "digit", String(k + 1)));
      made.hidden = !long && !fits.has(choice);
      return made;
    }));
    const all = view.choices.length + view.unlisted;
    count.textContent = long ? "At a click" :
      `${all} command${all === 1 ? "" : "s"} work here `;
    if (!long) count.append(element("span", "quiet", "(a model is not told)"));
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
    const typed = view.log.filter((row) => row.whole).map((row) => row.command);
    recalled = Math.min(Math.max(recalled + step, 0), typed.length);
    input.value = recalled ? typed[typed.length - recalled] : "";
    if (long) input.setSelectionRange(0, 0); // where the arrow recalls again
    drawChoices();
  }

  function drawSide() {
    const parts = view.desk.length ? [desk.box] : [];
    desk.draw(view.desk);
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
    const rows = view.log.map((row, k) =>
      drawRow(row, () => ask({ do: "branch", turns: row.turn - 1 }),
        long && k < view.log.length - 1));
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
    const newest = log.lastElementChild; // of a long answer, its beginning
    const end = long ? newest.offsetTop - log.offsetTop - 8 : log.scrollHeight;
    log.scrollTop = view.turn || view.note ? end : 0;
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
    help.textContent = long ? EDIT_KEYS :
      (view.plain ? "" : "Digits choose · Tab completes · ") + KEYS;
    hand.hidden = !view.policy;
    player.textContent = view.policy;
    drawLog();
    drawChoices();
    drawSide();
    if (typing && (focused.disabled || !root.contains(focused))) {
      (over ? restart : input).focus({ preventScroll: true });
    }
    if (sent && !over && view.log.at(-1)?.mark) input.value = sent;
    sent = "";
    if (view.draft && view.draft !== drafted) fill(input, view.draft);
    drafted = view.draft;
    whatIf.disabled = over || !input.value.trim();
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
    const lines = long && input.value.includes("\n"); // where arrows move in the text
    if (key === "Enter" && target === input) {
      if (event.shiftKey) wonder(input.value);
      else if (!long || event.ctrlKey || event.metaKey) type(input.value);
      else done = false;
    } else if (target === input && key === "ArrowUp" && (!lines || !input.selectionEnd)) {
      recall(1);
    } else if (target === input && key === "ArrowDown" && !lines) recall(-1);
    else if (target === input && key === "Tab" && !event.shiftKey) done = complete();
    else if (/^[1-9]$/.test(key) && picked && !input.value && !long) type(picked);
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
