// Draws the run that Python sends, and reports what its owner wants.
const SIGNS = { running: "▶", paused: "❚❚", stopping: "■", finished: "✓", stopped: "■",
  failed: "✗", silent: "?" };

function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function drawAlert(alert) {
  const box = element("div", `alert ${alert.severity}`);
  const said = element("p");
  said.append(element("strong", "", `${alert.severity}: ${alert.id}`),
    ` ${alert.seen} ${alert.why}`);
  const more = element("details");
  more.append(element("summary", "", "What to try, best first"));
  const list = element("ol");
  list.append(...alert.remedies.map((remedy) => element("li", "", remedy)));
  more.append(list, element("p", "quiet", `Lesson: tutorials/${alert.lesson}`));
  box.append(said, more);
  return box;
}

function drawToken([text, advantage, logp], most) {
  if (advantage === null || logp === null) return element("span", "quiet", text);
  const kind = advantage > 0 ? "plus" : advantage < 0 ? "minus" : "none";
  const sign = advantage > 0 ? "+" : "";
  const title = `advantage ${sign}${advantage.toFixed(3)}, log-probability ${logp.toFixed(3)}`;
  const made = element("b", kind, text, { title });
  made.style.setProperty("--a", Math.min(1, Math.abs(advantage) / most));
  return made;
}

function drawTurn(turn, most) {
  const said = element("p", "said");
  said.append(element("span", "number", turn.turn),
    ...turn.tokens.map((token) => drawToken(token, most)));
  said.append(element("span", "mean", turn.advantage, { title: "mean advantage of its tokens" }));
  if (turn.reward) said.append(element("strong", "paid", `paid ${turn.reward}`));
  return [element("p", "world", turn.world), said];
}

function drawTable(found, caption) {
  const table = element("table");
  const head = element("tr");
  head.append(...found.heads.map((name) => element("th", "", name, { scope: "col" })));
  const rows = found.rows.map(([step, ...cells]) => {
    const row = element("tr");
    row.append(element("th", "", step, { scope: "row" }),
      ...cells.map((cell) => element("td", "", cell)));
    return row;
  });
  table.append(element("caption", "", caption), head, ...rows);
  return table;
}

function csv({ heads, rows }) {
  const cells = [heads, ...rows].map((row) =>
    row.map((cell) => (cell === "–" ? "" : `"${cell}"`)).join(","));
  return `data:text/csv;charset=utf-8,${encodeURIComponent(cells.join("\n"))}`;
}

function render({ model, el }) {
  let view = model.get("view");
  let came = 0; // when the view came, for the clock
  let playing; // the timer of a replay
  const { root, ask, start, stop } = frame(model, el, "monitor", "Training", draw);

  const head = element("header");
  const name = element("strong", "name");
  const setting = element("span", "quiet");
  const state = element("span", "status");
  head.append(name, setting, state);
  const progress = element("progress", "", "", { "aria-label": "Steps done", value: 0 });
  const count = element("span", "count");
  const clock = element("span", "clock");
  const line = element("div", "line");
  line.append(progress, count, clock);

  // ---- what can be asked of a run

  const pause = button("Pause", "After this batch; memory stays in use",
    () => ask({ do: view.state === "paused" ? "resume" : "pause" }));
  const halt = button("Stop", "End the run; it can be resumed", () => ask({ do: "stop" }));
  const exam = button("Evaluate now", "Play games it is not trained on, after this batch",
    () => ask({ do: "evaluate" }));
  const save = button("Save", "Write a checkpoint after this batch", () => ask({ do: "save" }));
  const fork = button("Fork from here", "Show the code that goes on from here another way",
    () => ask({ do: "fork" }));
  const term = element("select", "", "", { "aria-label": "Term of the reward" });
  const weight = element("input", "", "", {
    type: "number", step: "any", "aria-label": "Its new weight",
  });
  const change = button("Change weight", "From the next batch on");
  change.type = "submit";
  const form = element("form", "weights");
  form.append(element("span", "", "Reward"), term, weight, change);
  const tools = element("div", "tools", "", { role: "toolbar", "aria-label": "Run" });
  tools.append(pause, halt, exam, save, fork, form);
  const hint = element("p", "hint");
  const note = element("p", "note");
  const code = element("pre", "code", "", { tabindex: "0", "aria-label": "Code of the fork" });

  // ---- replay

  const play = button("Play", "Play or pause", () => ask({ do: "play" }));
  const back = button("◀", "One step back", () => seek(view.player.at - 1));
  const forth = button("▶", "One step forth", () => seek(view.player.at + 1));
  back.setAttribute("aria-label", back.title);
  forth.setAttribute("aria-label", forth.title);
  const slider = element("input", "", "", { type: "range", min: 0, step: 1 });
  const where = element("label", "where", "Step");
  where.append(slider);
  const speeds = element("div", "speeds", "", { role: "group", "aria-label": "Speed" });
  const player = element("div", "player", "", { role: "toolbar", "aria-label": "Replay" });
  player.append(play, back, where, forth, speeds);

  function seek(value) {
    ask({ do: "seek", value });
  }

  // ---- pictures, samples, numbers

  const alerts = element("div", "alerts", "", { role: "group", "aria-label": "Diagnosis" });
  const charts = element("div", "charts");
  const key = element("p", "key");
  const marks = element("ul", "marks");
  const samples = element("details", "sample");
  samples.open = true;
  const title = element("summary");
  const picks = element("div", "picks", "", { role: "group", "aria-label": "Which episode" });
  const chosen = ["best", "median", "worst"].map((pick) =>
    button(pick, `The ${pick} of the step's samples, by reward`, () => ask({ do: "pick", value: pick })));
  const when = element("input", "", "", { type: "range", min: 0, step: 1 });
  const whenLabel = element("label", "where", "Step");
  whenLabel.append(when);
  const newest = button("latest", "Follow the run", () => ask({ do: "sample", value: -1 }));
  picks.append(...chosen, whenLabel, newest);
  const legend = element("p", "legend");
  legend.append(element("b", "plus", "praised"), " ", element("b", "minus", "blamed"), " ",
    element("span", "world", "not trained on: the world wrote it"),
    " The stronger the colour, the larger the advantage.");
  const turns = element("div", "turns", "", { tabindex: "0", role: "region", "aria-label": "Episode" });
  const rest = element("div");
  rest.append(picks, legend, turns);
  samples.append(title, rest);
  const numbers = element("details", "numbers");
  const scroll = element("div", "scroll", "", { tabindex: "0", role: "region", "aria-label": "Numbers" });
  const link = element("a", "", "Save as CSV", { download: "run.csv" });
  numbers.append(element("summary", "", "The numbers"), scroll, link);

  function drawTools() {
    const { live, buttons } = view;
    tools.hidden = !buttons && !view.can_fork;
    for (const each of [pause, halt, exam, save]) each.hidden = !buttons;
    const paused = view.state === "paused";
    pause.textContent = paused ? "Resume" : "Pause";
    for (const each of [pause, halt, exam, save]) each.disabled = view.state === "stopping";
    hint.hidden = !live || buttons;
    hint.textContent = "To stop, press the cell's ■: the run ends after this batch and is saved.";
    const names = Object.keys(view.terms);
    form.hidden = !buttons || !names.length;
    if (names.join() !== [...term.options].map((o) => o.value).join()) {
      term.replaceChildren(...names.map((each) => element("option", "", each, { value: each })));
      weight.value = view.terms[term.value] ?? "";
    }
    note.hidden = !view.note;
    note.textContent = view.note;
    note.classList.toggle("problem", view.problem);
    code.hidden = !view.code;
    code.textContent = view.code;
  }

  function drawPlayer() {
    player.hidden = !view.player;
    clearTimeout(playing);
    if (!view.player) return;
    const { at, of, plays, wait_ms: wait, speed, speeds: choices } = view.player;
    play.textContent = plays ? "Pause" : at === of ? "Play again" : "Play";
    back.disabled = at === 0;
    forth.disabled = at === of;
    slider.max = of;
    if (document.activeElement !== slider || plays) slider.value = at;
    slider.setAttribute("aria-valuetext", `step ${at} of ${of}`);
    if (speeds.children.length !== choices.length) {
      speeds.replaceChildren(...choices.map((value) =>
        button(`${value}×`, `${value} times as fast as it was`, () => ask({ do: "speed", value }))));
    }
    choices.forEach((value, i) =>
      speeds.children[i].setAttribute("aria-pressed", value === speed));
    if (plays) playing = setTimeout(() => ask({ do: "tick", value: at }), wait);
  }

  function drawSample() {
    const { sample } = view;
    samples.hidden = !sample.of;
    if (!sample.of) return;
    title.textContent = `What it played at step ${sample.step}`;
    when.max = sample.of - 1;
    when.value = sample.at;
    when.setAttribute("aria-valuetext", `step ${sample.step}`);
    newest.setAttribute("aria-pressed", sample.latest);
    for (const made of chosen) {
      made.setAttribute("aria-pressed", made.textContent === sample.pick);
      made.disabled = !sample.picks?.includes(made.textContent);
    }
    if (!sample.turns) {
      turns.replaceChildren(element("p", "quiet", "These samples cannot be read."));
      return;
    }
    const parts = [element("p", sample.won ? "end won" : "end",
      `${sample.end}, reward ${sample.reward}`), element("p", "quiet", sample.task)];
    if (sample.group) {
      parts[1].append(` · rewards of its group: ${sample.group}`);
    }
    if (sample.left_out) {
      parts.push(element("p", "quiet", `${sample.left_out} more turns not shown`));
    }
    for (const turn of sample.turns) parts.push(...drawTurn(turn, sample.most));
    if (sample.last) parts.push(element("p", "world", sample.last));
    turns.replaceChildren(...parts);
  }

  function drawNumbers() {
    const { table, caption } = view;
    numbers.hidden = !table.rows.length;
    scroll.replaceChildren(drawTable(table, caption));
    link.href = csv(table);
  }

  function tick() {
    const since = view.ticking ? (Date.now() - came) / 1000 : 0;
    const left = view.left_s === null ? "" :
      ` · about ${duration(view.left_s - since)} left`;
    clock.textContent = view.step || view.ticking
      ? duration(view.elapsed_s + since) + left : "";
  }

  function draw(next) {
    view = next;
    came = Date.now();
    root.dataset.state = view.state;
    name.textContent = view.title;
    setting.textContent = view.setting;
    state.textContent = `${SIGNS[view.state] ?? "…"} ${view.status}`;
    progress.max = Math.max(view.steps, view.step, 1);
    progress.value = view.step;
    count.textContent = `Step ${view.step} of ${view.steps}`;
    drawTools();
    drawPlayer();
    const open = new Set([...alerts.querySelectorAll("[open]")].map((d) => d.dataset.id));
    alerts.replaceChildren(...view.alerts.map((alert) => {
      const box = drawAlert(alert);
      box.lastChild.dataset.id = alert.id;
      box.lastChild.open = open.has(alert.id);
      return box;
    }));
    charts.replaceChildren(...view.charts.map((text, i) => {
      const figure = element("figure", i ? "" : "main");
      figure.append(drawing(text));
      return figure;
    }));
    key.textContent = view.key;
    marks.replaceChildren(...view.marks.map((words) => element("li", "", words)));
    drawSample();
    drawNumbers();
    tick();
  }

  term.addEventListener("change", () => { weight.value = view.terms[term.value] ?? ""; });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask({ do: "reweight", term: term.value, value: Number(weight.value) });
  });
  slider.addEventListener("input", () => seek(Number(slider.value)));
  when.addEventListener("input", () => ask({ do: "sample", value: Number(when.value) }));

  const ticking = setInterval(tick, 1000);
  start(head, line, player, tools, hint, note, code, alerts, charts, key, marks, samples, numbers);
  return () => {
    clearInterval(ticking);
    clearTimeout(playing);
    stop();
  };
}

export default { render };
