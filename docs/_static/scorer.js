// What the search shows first: guides, then the first steps, then the reference, then figures and background.
var Scorer = {
  score: ([docname, title, anchor, descr, score, filename, kind]) => {
    const first = docname.split("/")[0];
    if (first === "reference") return kind === "object" ? score - 4 : score - 8;
    if (["benchmarks", "background", "contract", "architecture", "decisions"].includes(first)) return score - 6;
    if (["notebooks", "calls", "index", "start", "command", "404"].includes(first)) return score;
    return score + 8;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
