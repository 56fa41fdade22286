// How names of the data are said on the page.

export const plain = (text: string) => text.replaceAll("_", " ");

// What is tolerated was not accepted: two acts of a reviewer, one verdict of a run.
export const verdictWords = (verdict: string) => (verdict === "accepted" ? "accepted or tolerated" : plain(verdict));
