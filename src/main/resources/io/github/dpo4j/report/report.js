"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("data").textContent);
  const canvases = document.querySelectorAll(".plot canvas");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let drawn = [];

  const plain = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
  const count = new Intl.NumberFormat("en");
  const stepOf = (active) => active.element.$context.parsed.x;

  function figure(value) {
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
      return Number(value.toPrecision(4)).toExponential().replace("e+", "e");
    }
    return plain.format(value).replace("-", "\u2212");
  }

  /** The page's colours, as the style sheet has them for the scheme that is on. */
  function palette() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue("--" + name).trim();
    return {
      read, card: read("card"), edge: read("edge"), ink: read("ink"), quiet: read("quiet"), font: read("sans"),
    };
  }

  /** From [x0, y0, x1, y1, ...] to points; null is a gap. */
  function unpack(flat) {
    const points = [];
    for (let i = 0; i < flat.length; i += 2) {
      points.push({ x: flat[i], y: flat[i + 1] === null ? NaN : flat[i + 1] });
    }
    return points;
  }

  /** A point with gaps on both sides would not show as a line. */
  function alone(points, i) {
    const gap = (j) => j < 0 || j >= points.length || Number.isNaN(points[j].y);
    return gap(i - 1) && gap(i + 1);
  }

  function line(label, points, color, looks) {
    return {
      label, data: points, borderColor: color, backgroundColor: color, borderJoinStyle: "round",
      pointRadius: (context) => (alone(points, context.dataIndex) ? 3.5 : 0),
      pointHoverRadius: 4, pointHitRadius: 0, clip: 6, ...looks,
    };
  }

  function datasets(chart, colors) {
    const lines = [];
    for (const series of chart.series) {
      const dashed = series.line === "dashed";
      const color = colors.read(dashed && series.tone === "main" ? "eval" : series.tone);
      const points = unpack(series.points);
      if (series.average) {
        lines.push(line(series.label + ", smoothed", unpack(series.average), color, { borderWidth: 2.5, order: 1 }));
        // Many points fill a band, which at full strength would drown the average.
        const faint = color + (points.length > 300 ? "38" : "59");
        lines.push(line(series.label, points, faint, { borderWidth: 1, order: 2 }));
      } else if (dashed) {
        const dots = points.length > 60 ? 0 : 3;
        lines.push(line(series.label, points, color, {
          borderWidth: 2, borderDash: [5, 4], order: 0, backgroundColor: colors.card, pointBorderWidth: 1.8,
          pointRadius: (context) => (alone(points, context.dataIndex) ? 3.5 : dots),
        }));
      } else {
        lines.push(line(series.label, points, color, { borderWidth: 2.5, order: 1 }));
      }
    }
    return lines;
  }

  /** The steps that the chart spans; a lone step gets room on both sides. */
  function span(chart) {
    let min = Infinity;
    let max = -Infinity;
    for (const { points } of chart.series.filter((series) => series.points.length > 0)) {
      min = Math.min(min, points[0]);
      max = Math.max(max, points[points.length - 2]);
    }
    if (min > max) {
      return { min: 0, max: 1 };
    }
    return min === max ? { min: min - 1, max: max + 1 } : { min, max };
  }

  /** Hovering shows of every line the point nearest to the pointer, as train and eval have different steps. */
  Chart.Interaction.modes.nearestOfEach = (chart, event) => {
    const { left, right } = chart.chartArea;
    if (event.x < left - 8 || event.x > right + 8) {
      return [];
    }
    const items = [];
    for (const meta of chart.getSortedVisibleDatasetMetas()) {
      let best = -1;
      let distance = 40;
      meta.data.forEach((element, i) => {
        const away = Math.abs(element.x - event.x);
        if (!element.skip && away < distance) {
          best = i;
          distance = away;
        }
      });
      if (best >= 0) {
        items.push({ element: meta.data[best], datasetIndex: meta.index, index: best, distance });
      }
    }
    return items.sort((a, b) => a.distance - b.distance || a.datasetIndex - b.datasetIndex);
  };

  const guides = {
    id: "guides",
    beforeDatasetsDraw(chart, _, { baseline, colors }) {
      const { ctx, chartArea: area, scales } = chart;
      ctx.save();
      if (baseline !== undefined) {
        const y = scales.y.getPixelForValue(baseline);
        ctx.strokeStyle = colors.quiet;
        ctx.setLineDash([2, 3]);
        ctx.beginPath();
        ctx.moveTo(area.left, y);
        ctx.lineTo(area.right, y);
        ctx.stroke();
      }
      const active = chart.getActiveElements();
      if (active.length > 0) {
        ctx.strokeStyle = colors.quiet;
        ctx.setLineDash([]);
        ctx.globalAlpha = 0.5;
        ctx.beginPath();
        ctx.moveTo(active[0].element.x, area.top);
        ctx.lineTo(active[0].element.x, area.bottom);
        ctx.stroke();
      }
      ctx.restore();
    },
  };

  function options(chart, colors) {
    const ticks = { color: colors.quiet, font: { family: colors.font, size: 12 }, maxRotation: 0 };
    return {
      animation: false,
      maintainAspectRatio: false,
      normalized: true,
      parsing: false,
      spanGaps: false,
      interaction: { mode: "nearestOfEach", intersect: false },
      scales: {
        x: {
          type: "linear", ...span(chart),
          grid: { display: false }, border: { color: colors.edge },
          ticks: { ...ticks, precision: 0, maxTicksLimit: 7, autoSkipPadding: 16, callback: (step) => count.format(step) },
        },
        y: {
          grid: { color: colors.edge }, border: { display: false },
          suggestedMin: chart.baseline, suggestedMax: chart.baseline,
          ticks: { ...ticks, maxTicksLimit: 6, callback: (value) => figure(value) },
        },
      },
      plugins: {
        legend: { display: false },
        guides: { baseline: chart.baseline, colors },
        tooltip: {
          backgroundColor: colors.card, borderColor: colors.edge, borderWidth: 1, cornerRadius: 8, padding: 10,
          titleColor: colors.quiet, bodyColor: colors.ink, titleFont: { family: colors.font, weight: "normal" },
          bodyFont: { family: colors.font }, boxWidth: 10, boxHeight: 3, boxPadding: 5,
          itemSort: (a, b) => a.datasetIndex - b.datasetIndex,
          callbacks: {
            title: ([item]) => {
              const [first] = item ? item.chart.getActiveElements() : [];
              return first === undefined ? "" : "step " + count.format(stepOf(first));
            },
            label: (item) => {
              const [first] = item.chart.getActiveElements();
              const other = first !== undefined && stepOf(first) !== item.parsed.x;
              const step = other ? " (step " + count.format(item.parsed.x) + ")" : "";
              return item.dataset.label + ": " + figure(item.parsed.y) + step;
            },
            labelColor: (item) => ({ borderColor: item.dataset.borderColor, backgroundColor: item.dataset.borderColor }),
          },
        },
      },
    };
  }

  function draw() {
    drawn.forEach((chart) => chart.destroy());
    const colors = palette();
    drawn = charts.map((chart, i) => new Chart(canvases[i], {
      type: "line",
      data: { datasets: datasets(chart, colors) },
      options: options(chart, colors),
      plugins: [guides],
    }));
  }

  dark.addEventListener("change", draw);
  draw();
})();
