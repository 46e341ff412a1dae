import { InvalidArgumentError } from 'commander'

/** Numbers of clusters to try. */
export type WantedK = readonly number[] | 'auto'

const LEAST = 2
const MOST = 10_000
const MOST_TRIED = 100

/** Parses `8`, `2..10` or `auto`. */
export function kArgument(text: string): WantedK {
  if (text === 'auto') return text
  const [, first, last = first] = /^(\d+)(?:\.\.(\d+))?$/.exec(text) ?? []
  const [from, to] = [Number(first), Number(last)]
  if (first === undefined || from < LEAST || to > MOST || from > to || to - from >= MOST_TRIED)
    throw new InvalidArgumentError(
      `Expected a number of clusters from ${LEAST} to ${MOST}, a range such as 2..10 of at most ${MOST_TRIED}, or auto.`,
    )
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
