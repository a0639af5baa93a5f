"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

function element(parent, name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.appendChild(made);
  return made;
}

// Tables: a click on a head sorts by its column, a second click reverses the order.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => row.cells[column].textContent;
    const compare = (left, right) => {
      const [a, b] = [parseFloat(key(left)), parseFloat(key(right))];
      const order = Number.isNaN(a) || Number.isNaN(b) ? key(left).localeCompare(key(right)) : a - b;
      return down ? -order : order;
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort(compare));
  }));
}

// In print nothing can be opened, so all result tables are.
window.addEventListener("beforeprint", () => document.querySelectorAll("details.metric").forEach((one) => one.open = true));

// Curves, drawn from the epoch logs; the values of the epoch under the pointer are shown.
for (const tool of document.querySelectorAll(".curves")) {
  const networks = data.runs[Number(tool.dataset.run)].networks;
  const [picture, chosen, values] = [tool.querySelector("svg"), tool.querySelector("select"), tool.querySelector(".values")];
  const [height, left, bottom, top] = [300, 62, 30, 10];
  const lines = { loss: ["train_loss", "validation_loss"], smoothed: ["train_loss_ema", "validation_loss_ema"],
    dice: ["mean_pseudo_dice"], rate: ["learning_rate"] };
  const labels = { train_loss: "training loss", validation_loss: "validation loss",
    train_loss_ema: "training loss (smoothed)", validation_loss_ema: "validation loss (smoothed)",
    mean_pseudo_dice: "mean pseudo Dice", learning_rate: "learning rate" };
  const hint = values.textContent;
  const dashes = ["", "6 4", "2 3", "9 3 2 3"];
  const text = (value) => value === null ? "–" : Math.abs(value) < 0.001 ? value.toExponential(1) : value.toFixed(4);
  let mark, across, width;
  function draw() {
    // One unit per pixel, so that text has the same size on every screen.
    width = Math.max(280, picture.clientWidth);
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.replaceChildren();
    const names = lines[chosen.value];
    const all = networks.flatMap((one) => names.flatMap((name) => one[name])).filter((value) => value !== null);
    const epochs = Math.max(...networks.map((one) => one.train_loss.length), 2);
    let [low, high] = [Math.min(...all), Math.max(...all)];
    const log = chosen.value === "rate";
    if (high === low) [low, high] = log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
    const scaled = (value) => log ? Math.log(value) : value;
    across = (epoch) => left + (width - left - 10) * epoch / (epochs - 1);
    const up = (value) => top + (height - top - bottom) * (scaled(high) - scaled(value)) / (scaled(high) - scaled(low));
    for (let tick = 0; tick <= 4; tick++) {
      const value = log ? Math.exp(Math.log(low) + (Math.log(high) - Math.log(low)) * tick / 4) : low + (high - low) * tick / 4;
      element(picture, "line", { class: "grid", x1: left, x2: width - 10, y1: up(value), y2: up(value) });
      element(picture, "text", { x: left - 6, y: up(value) + 4, "text-anchor": "end" }, log ? text(value) : value.toFixed(2));
      const epoch = Math.round((epochs - 1) * tick / 4);
      element(picture, "text", { x: across(epoch), y: height - 10, "text-anchor": "middle" }, `${epoch + 1}`);
    }
    networks.forEach((one, place) => names.forEach((name, kind) => {
      const points = one[name].map((value, epoch) => value === null ? "" : `${across(epoch)},${up(value)}`).join(" ");
      element(picture, "polyline", { points, "stroke-dasharray": dashes[place % dashes.length],
        style: `stroke: var(${kind === 0 ? "--accent" : "--second"})` });
    }));
    mark = element(picture, "line", { class: "grid", y1: top, y2: height - bottom, x1: -9, x2: -9 });
  }
  function show(event) {
    const box = picture.getBoundingClientRect();
    const x = (event.clientX - box.left) * width / box.width;
    const last = Math.max(...networks.map((one) => one.train_loss.length)) - 1;
    const epoch = Math.min(last, Math.max(0, Math.round((x - left) / ((width - left - 10) / Math.max(last, 1)))));
    mark.setAttribute("x1", across(epoch));
    mark.setAttribute("x2", across(epoch));
    const of = (one) => `${one.name}: ` + lines[chosen.value].map((name) => `${labels[name]} ${text(one[name][epoch] ?? null)}`).join(", ");
    values.textContent = `epoch ${epoch + 1} · ${networks.map(of).join(" · ")}`;
  }
  chosen.addEventListener("change", () => { draw(); values.textContent = hint; });
  window.addEventListener("resize", draw);
  picture.addEventListener("pointermove", show);
  picture.addEventListener("pointerdown", show);
  draw();
}

// Cases: a slider steps through the slices.
for (const tool of document.querySelectorAll(".cases")) {
  const cases = data.runs[Number(tool.dataset.run)].cases;
  const find = (name) => tool.querySelector(name);
  const [chosen, slider, picture] = [find("select"), find("input[type=range]"), find("svg")];
  const [reference, prediction] = [find("[name=reference]"), find("[name=prediction]")];
  function draw() {
    const one = cases[Number(chosen.value)];
    const slice = one.slices[Number(slider.value)];
    const [height, width] = one.size;
    picture.setAttribute("viewBox", `0 0 ${width} ${height * one.aspect}`);
    picture.replaceChildren();
    const drawn = element(picture, "g", { transform: `scale(1 ${one.aspect})` });
    element(drawn, "image", { href: slice.image, width, height, preserveAspectRatio: "none" });
    for (const [kind, shown] of [["reference", reference.checked], ["prediction", prediction.checked]])
      if (shown) slice[kind].forEach((d, place) => element(drawn, "path", { d, class: kind, stroke: one.classes[place][1] }));
    find("output").textContent = `slice ${slice.index} (${Number(slider.value) + 1} of ${one.slices.length})`;
  }
  function choose() {
    const one = cases[Number(chosen.value)];
    slider.max = one.slices.length - 1;
    slider.value = Math.floor(one.slices.length / 2);
    draw();
  }
  chosen.addEventListener("change", choose);
  for (const input of [slider, reference, prediction]) input.addEventListener("input", draw);
  choose();
}
