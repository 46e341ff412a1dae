// What limits a worker: the ceilings of its parts, each if it had nothing to wait for, and the lowest of them.

/** Below this share of the lowest ceiling no part is used up: they wait for each other. */
const USED_UP = 0.7

/**
 * @param run of the whole worker: `provider`, `processes`, `photosPerSecond`, `coreMs` per photo by part, `mainThreads`: the
 *   share of the time in which the main thread of a process computes, `writeMs`: per photo, the time in which a process writes
 * @param alone `cores`; `encoder`: { imagesPerSecond, coreMs }; `decode`: { photosPerSecond, coreMs }, on all cores
 * @returns ceilings in photos per second, the lowest first
 */
export function ceilings(run, { cores, encoder }) {
  const total = Object.values(run.coreMs).reduce((a, b) => a + b)
  return (
    [
      { name: run.provider === 'cpu' ? 'The encoder' : 'The GPU', photosPerSecond: encoder.imagesPerSecond },
      { name: 'The CPU', photosPerSecond: (1000 * cores) / total },
      { name: 'The database', photosPerSecond: (1000 * run.processes) / run.writeMs },
      { name: 'The main thread of the worker processes', photosPerSecond: run.photosPerSecond / run.mainThreads },
      // One process of this benchmark, as one image host: no part of the worker.
      { name: 'The download (photo server)', photosPerSecond: 1000 / run.coreMs['photo server'] },
    ]
      .filter(({ photosPerSecond }) => Number.isFinite(photosPerSecond))
      // These are estimates, the rate is a fact.
      .map(one => ({ ...one, photosPerSecond: Math.max(one.photosPerSecond, run.photosPerSecond) }))
      .sort((a, b) => a.photosPerSecond - b.photosPerSecond)
  )
}

/** Core milliseconds per photo by stage. Decoding and encoding are those measured alone. */
export function stagesOf(run, { encoder, decode }) {
  const { workers, supervisor = 0, benchmark = 0, Postgres, Redis, 'photo server': server } = run.coreMs
  return {
    'decoding and copying': decode.coreMs,
    encoding: encoder.coreMs,
    'the rest of the workers': Math.max(0, workers - decode.coreMs - encoder.coreMs) + supervisor,
    Postgres,
    Redis,
    'the photo server': server + benchmark,
  }
}

/** @returns plain sentences: what limits, by how much, and how far the worker is from it */
export function describeLimit(run, alone) {
  const [first, second] = ceilings(run, alone)
  const { cores, encoder, decode } = alone
  const share = run.photosPerSecond / first.photosPerSecond
  const most = Object.entries(stagesOf(run, alone)).sort(([, a], [, b]) => b - a)[0]
  const total = Object.values(run.coreMs).reduce((a, b) => a + b)
  const why =
    first.name === 'The CPU'
      ? `: a photo takes ${number(total)} core ms on ${cores} cores, most of them for ${most[0]} (${number(most[1])})`
      : ''
  const ratio = decode.photosPerSecond / encoder.imagesPerSecond
  return [
    `${first.name} limits${why}. Its ceiling is ${number(first.photosPerSecond)} photos/s; the next one is ${number(second.photosPerSecond)}, ${number(second.photosPerSecond / first.photosPerSecond)} times as high (${second.name.replace('The', 'the')}).`,
    `The worker reached ${number(run.photosPerSecond)} photos/s, ${number(100 * share)} % of its ceiling.${
      share < USED_UP
        ? ' No part is used up: they wait for each other, or for other work on this machine. Try more --processes.'
        : ''
    }`,
    `Decoding and copying alone: ${number(decode.photosPerSecond)} photos/s on ${cores} cores, ${number(ratio)} times what the encoder alone takes (${number(encoder.imagesPerSecond)} images/s).`,
  ]
}

function number(value) {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 })
}
