// Turns of a game that is played, and notes on it.
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

// An answer of a world: long ones are folded, all but the newest.
function drawAnswer(text, folded) {
  const lines = text.split("\n");
  if (!folded || lines.length < 9) return element("p", "world", text);
  const box = element("details", "answer");
  box.append(element("summary", "", `${lines[0].slice(0, 100)} … and ${lines.length - 1} lines`),
    element("p", "world", text));
  return box;
}

function drawRow(row, branch, folded) {
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
  turn.append(drawAnswer(row.answer, folded));
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
    if (note.whole) line.append(button("Do it", "Play this command", take));
    box.append(line);
  }
  box.append(element("p", "world", note.text));
  return box;
}
