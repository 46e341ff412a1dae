import type { IndexState, MeasuredAnswer, SearchSetting } from '../ports/index-repository.js'
import { MAX_EF_SEARCH } from './index-plan.js'
import { type Mean, meanShare, median, recallOf } from './recall.js'

/** Result of one search effort over a sample of queries. */
export interface Trial {
  searchEffort: number
  recall: Mean
  /** Median per query. */
  ms: number
}

export interface EffortRange {
  /** Where the search starts. */
  least: number
  most: number
}

/** Below this, search still requests this many candidates from the graph, because it ranks that many again. */
const LEAST_EF_SEARCH = 40
/** Lists of an ivfflat index created without the option (pgvector). */
const DEFAULT_LISTS = 100

/** A setting and its result. `searchEffort` of an exact search is 0. */
export interface TriedSetting {
  setting: SearchSetting
  trial: Trial
}

export interface SearchTuning {
  /** All measurements: exact search first, then each index by rising search effort. */
  tried: TriedSetting[]
  chosen: TriedSetting
  /** The reason for exact search; null when an index answers. */
  exactBecause: 'recall' | 'time' | null
}

/**
 * Finds the fastest way to answer queries at a wanted recall: the least sufficient search effort of each index, or
 * exact search when no index reaches the recall, or none is faster.
 * @param measure answers the same queries in the same order for every setting
 * @param groups sizes of consecutive groups of queries; a recall is that of the group where it is lowest
 * @param isForced chooses an index that reaches the recall even when exact search is faster
 */
export async function tuneSearch(
  indexes: readonly Pick<IndexState, 'method' | 'name' | 'options'>[],
  wanted: number,
  measure: (setting: SearchSetting) => Promise<MeasuredAnswer[]>,
  { isForced = false, groups }: { isForced?: boolean; groups?: readonly number[] } = {},
): Promise<SearchTuning> {
  const truth = await measure({ method: 'exact' })
  const exact: TriedSetting = {
    setting: { method: 'exact' },
    trial: { searchEffort: 0, recall: { mean: 1, low: 1, high: 1 }, ms: median(truth.map(({ ms }) => ms)) },
  }
  const tried = [exact]
  const reached: TriedSetting[] = []
  for (const index of indexes) {
    const settingOf = (searchEffort: number): SearchSetting => ({
      method: index.method,
      indexName: index.name,
      searchEffort,
    })
    const { trials, chosen } = await leastSearchEffort(
      effortsOf(index),
      wanted,
      async searchEffort => trialOf(searchEffort, await measure(settingOf(searchEffort)), truth, groups),
      // Too little search effort can be slow, too: when an index returns fewer than k, search compares all photos.
      (trial, before) => !isForced && before !== null && trial.ms > before.ms && trial.ms >= exact.trial.ms,
    )
    tried.push(...trials.map(trial => ({ setting: settingOf(trial.searchEffort), trial })))
    if (chosen) reached.push({ setting: settingOf(chosen.searchEffort), trial: chosen })
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

function trialOf(
  searchEffort: number,
  answers: readonly MeasuredAnswer[],
  truth: readonly MeasuredAnswer[],
  groups: readonly number[] = [answers.length],
): Trial {
  const recalls = answers.map(({ hits }, i) => recallOf(hits, truth[i]!.hits))
  let end = 0
  const means = groups
    .filter(size => size > 0)
    .map(size => {
      end += size
      return meanShare(recalls.slice(end - size, end))
    })
  return {
    searchEffort,
    recall: means.reduce((lowest, mean) => (mean.low < lowest.low ? mean : lowest)),
    ms: median(answers.map(({ ms }) => ms)),
  }
}

/** Efforts that differ by less than this factor count as equal. */
const CLOSE = 1.1

/**
 * Returns whether a sample proves a recall. The lower end of the confidence interval must reach it; otherwise every
 * second sample of other queries would miss it.
 */
export function reaches({ recall }: Pick<Trial, 'recall'>, wanted: number): boolean {
  return recall.low >= wanted || recall.mean === 1
}

/**
 * Finds the least search effort that reaches a wanted recall: doubles it until it does, then bisects. Stops early when
 * `isTooSlow` says that more search effort cannot win; it also receives the trial before.
 * @returns every trial by rising search effort, and the chosen one; null when none reaches the recall
 */
export async function leastSearchEffort(
  { least, most }: EffortRange,
  wanted: number,
  measure: (searchEffort: number) => Promise<Trial>,
  isTooSlow: (trial: Trial, before: Trial | null) => boolean = () => false,
): Promise<{ trials: Trial[]; chosen: Trial | null }> {
  const trials: Trial[] = []
  const attempt = async (searchEffort: number) => {
    const trial = await measure(searchEffort)
    trials.push(trial)
    return trial
  }
  const ordered = () => trials.sort((a, b) => a.searchEffort - b.searchEffort)

  let chosen = await attempt(Math.min(least, most))
  let below: Trial | null = null
  while (!reaches(chosen, wanted)) {
    if (chosen.searchEffort === most || isTooSlow(chosen, below)) return { trials: ordered(), chosen: null }
    below = chosen
    chosen = await attempt(Math.min(2 * chosen.searchEffort, most))
  }
  while (
    below !== null &&
    chosen.searchEffort - below.searchEffort > 1 &&
    chosen.searchEffort > CLOSE * below.searchEffort
  ) {
    // The geometric mean: recall grows with the logarithm of the search effort.
    const middle: Trial = await attempt(Math.round(Math.sqrt(below.searchEffort * chosen.searchEffort)))
    if (reaches(middle, wanted)) chosen = middle
    else below = middle
  }
  return { trials: ordered(), chosen }
}
