/** Photos of a result page: nDCG and the first recall are of these. */
export const PAGE = 10
/** Photos of the second recall. */
const FAR = 100

/** The measures, in the order of reports. */
export const MEASURES = ['ndcg_10', 'recall_10', 'recall_100', 'map', 'mrr'] as const
export type Measure = (typeof MEASURES)[number]

/** How they are written in texts. */
export const MEASURE_NAMES: Readonly<Record<Measure, string>> = {
  ndcg_10: 'nDCG@10',
  recall_10: 'recall@10',
  recall_100: 'recall@100',
  map: 'mAP',
  mrr: 'MRR',
}

/** Ids of photos in the order of a search. */
export interface Ranking {
  /** The first ten, as a page of ten shows them. */
  page: readonly string[]
  /** As deep as the evaluation looks. Its first ten may differ from the page: a deep list reads an index further. */
  deep: readonly string[]
}

/** Grade of each relevant photo of a query, by id: above 0, and 1 where relevance has no grades. */
export type Relevance = ReadonlyMap<string, number>

/**
 * Measures one answer. Definitions as in trec_eval: gains are grades, discounted by log2(rank + 1) (K. Järvelin,
 * J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002); average precision and reciprocal rank
 * are those of the deep list, and relevant photos beyond it count as not found.
 * @param relevance of at least one photo
 */
export function measuresOf({ page, deep }: Ranking, relevance: Relevance): Record<Measure, number> {
  const isRelevant = (id: string) => relevance.has(id)
  const first = page.slice(0, PAGE)
  const ideal = [...relevance.values()].sort((a, b) => b - a).slice(0, PAGE)
  let found = 0
  let precisions = 0
  let reciprocal = 0
  for (const [i, id] of deep.entries()) {
    if (!isRelevant(id)) continue
    found++
    precisions += found / (i + 1)
    if (found === 1) reciprocal = 1 / (i + 1)
  }
  return {
    ndcg_10: discounted(first.map(id => relevance.get(id) ?? 0)) / discounted(ideal),
    recall_10: first.filter(isRelevant).length / relevance.size,
    recall_100: deep.slice(0, FAR).filter(isRelevant).length / relevance.size,
    map: precisions / relevance.size,
    mrr: reciprocal,
  }
}

function discounted(gains: readonly number[]): number {
  return gains.reduce((sum, gain, i) => sum + gain / Math.log2(i + 2), 0)
}
