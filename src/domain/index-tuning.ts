import { MAX_EF_SEARCH } from './index-plan.js'
import type { IndexState, MeasuredAnswer, SearchSetting } from './ports/index-repository.js'
import { type Mean, meanShare, median, recallOf } from './recall.js'

/** What an effort gave over a sample of queries. */
export interface Trial {
  effort: number
  recall: Mean
  /** Median of a query. */
  ms: number
}

export interface EffortRange {
  /** The first that is tried. */
  least: number
  most: number
}

/** Below this, search asks a graph for as many candidates as it ranks again anyway. */
const LEAST_EF_SEARCH = 40
/** Lists of an ivfflat index that was made without the option (pgvector). */
const DEFAULT_LISTS = 100

/** A setting and what it gave; `effort` of an exact search is 0. */
export interface TriedSetting {
  setting: SearchSetting
  trial: Trial
}

export interface SearchTuning {
  /** Everything that was measured: exact search first, then each index by rising effort. */
  tried: TriedSetting[]
  chosen: TriedSetting
  /** Why it is exact; null when it is not. */
  exactBecause: 'recall' | 'time' | null
}

/**
 * The fastest way to answer queries at a wanted recall: for each index the least effort that reaches it, and exact search
 * where none does, or none in less time.
 * @param measure answers of the same queries in the same order, whatever the setting
 * @param isForced an index is chosen if only it reaches the recall, whatever the time
 */
export async function tuneSearch(
  indexes: readonly Pick<IndexState, 'method' | 'name' | 'options'>[],
  wanted: number,
  measure: (setting: SearchSetting) => Promise<MeasuredAnswer[]>,
  isForced = false,
): Promise<SearchTuning> {
  const truth = await measure({ method: 'exact' })
  const exact: TriedSetting = {
    setting: { method: 'exact' },
    trial: { effort: 0, recall: { mean: 1, low: 1, high: 1 }, ms: median(truth.map(({ ms }) => ms)) },
  }
  const tried = [exact]
  const reached: TriedSetting[] = []
  for (const index of indexes) {
    const settingOf = (effort: number): SearchSetting => ({ method: index.method, indexName: index.name, effort })
    const { trials, chosen } = await leastEffort(
      effortsOf(index),
      wanted,
      async effort => trialOf(effort, await measure(settingOf(effort)), truth),
      // Too little effort may be slow, too: an index that gives fewer than k has all photos compared.
      (trial, before) => !isForced && before !== null && trial.ms > before.ms && trial.ms >= exact.trial.ms,
    )
    tried.push(...trials.map(trial => ({ setting: settingOf(trial.effort), trial })))
    if (chosen) reached.push({ setting: settingOf(chosen.effort), trial: chosen })
  }
  const best = reached.sort((a, b) => a.trial.ms - b.trial.ms)[0]
  if (best === undefined) return { tried, chosen: exact, exactBecause: 'recall' }
  if (!isForced && best.trial.ms >= exact.trial.ms) return { tried, chosen: exact, exactBecause: 'time' }
  return { tried, chosen: best, exactBecause: null }
}

function effortsOf({ method, options }: Pick<IndexState, 'method' | 'options'>): EffortRange {
  if (method === 'hnsw') return { least: LEAST_EF_SEARCH, most: MAX_EF_SEARCH }
  const lists = options.find(option => option.startsWith('lists='))?.slice('lists='.length)
  return { least: 1, most: Number(lists ?? DEFAULT_LISTS) }
}

function trialOf(effort: number, answers: readonly MeasuredAnswer[], truth: readonly MeasuredAnswer[]): Trial {
  return {
    effort,
    recall: meanShare(answers.map(({ hits }, i) => recallOf(hits, truth[i]!.hits))),
    ms: median(answers.map(({ ms }) => ms)),
  }
}

/** Efforts that differ by less than this factor are as good as equal. */
const CLOSE = 1.1

/**
 * Whether a sample shows that a recall is reached: the lower end of its confidence interval does, so that other queries
 * reach it, too, and not every second sample of them.
 */
export function reaches({ recall }: Pick<Trial, 'recall'>, wanted: number): boolean {
  return recall.low >= wanted || recall.mean === 1
}

/**
 * The least effort that reaches a wanted recall: doubled until it does, then halved in between. Stops early when
 * `isTooSlow`, which is given the trial before as well, says that more effort cannot win.
 * @returns every trial by rising effort, and the one that was chosen; null when none reaches it
 */
export async function leastEffort(
  { least, most }: EffortRange,
  wanted: number,
  measure: (effort: number) => Promise<Trial>,
  isTooSlow: (trial: Trial, before: Trial | null) => boolean = () => false,
): Promise<{ trials: Trial[]; chosen: Trial | null }> {
  const trials: Trial[] = []
  const attempt = async (effort: number) => {
    const trial = await measure(effort)
    trials.push(trial)
    return trial
  }
  const ordered = () => trials.sort((a, b) => a.effort - b.effort)

  let chosen = await attempt(Math.min(least, most))
  let below: Trial | null = null
  while (!reaches(chosen, wanted)) {
    if (chosen.effort === most || isTooSlow(chosen, below)) return { trials: ordered(), chosen: null }
    below = chosen
    chosen = await attempt(Math.min(2 * chosen.effort, most))
  }
  while (below !== null && chosen.effort - below.effort > 1 && chosen.effort > CLOSE * below.effort) {
    // The geometric middle: recall grows with the logarithm of the effort.
    const middle: Trial = await attempt(Math.round(Math.sqrt(below.effort * chosen.effort)))
    if (reaches(middle, wanted)) chosen = middle
    else below = middle
  }
  return { trials: ordered(), chosen }
}
