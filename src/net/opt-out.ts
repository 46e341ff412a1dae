import type { IncomingHttpHeaders } from 'node:http'

/** Values of `X-Robots-Tag` that opt out. `none` means noindex and nofollow. */
const OPT_OUTS = new Set(['noai', 'noimageai', 'noindex', 'noimageindex', 'none'])
/** Characters of a directive in messages: a date may have a comment of any length. */
const SHOWN = 80
/** Directives with a value. Any other word before a colon names a robot. */
const VALUED = new Set(['unavailable_after', 'max-snippet', 'max-image-preview', 'max-video-preview'])

/**
 * Returns whether a server opts out of the use of its answer: by `X-Robots-Tag`
 * (https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag, and noai and noimageai, introduced by
 * DeviantArt in 2022) or by `TDM-Reservation: 1` (https://www.w3.org/2022/tdmrep/).
 * @param agent product name of our requests
 * @param now ms since the epoch
 * @returns the directive, for messages; null when it does not opt out
 */
export function optOut(headers: IncomingHttpHeaders, agent: string, now: number): string | null {
  for (const value of all(headers['x-robots-tag'])) {
    const directive = robotsOptOut(value, agent, now)
    if (directive !== null) return `X-Robots-Tag: ${directive.slice(0, SHOWN)}`
  }
  return all(headers['tdm-reservation']).some(value => value.trim() === '1') ? 'TDM-Reservation: 1' : null
}

/**
 * Returns the first directive of a header's value that opts out. A robot's name applies to the directives after it, up
 * to the next name; directives before any name apply to everybody.
 */
function robotsOptOut(value: string, agent: string, now: number): string | null {
  let forUs = true
  for (const part of parts(value)) {
    const [name, directive] = split(part)
    if (name !== null) forUs = name === '*' || name === agent.toLowerCase()
    if (forUs && isOptOut(directive, now)) return directive
  }
  return null
}

/**
 * Splits at commas, except for the comma behind the weekday of a date: `unavailable_after: Wed, 25 Jun 2025 15:00:00
 * GMT`.
 */
function parts(value: string): string[] {
  const between: string[] = []
  for (const part of value.split(',')) {
    const before = between.at(-1)
    if (before !== undefined && /unavailable_after\s*:\s*[a-z]+$/i.test(before.trim())) {
      between[between.length - 1] = `${before},${part}`
    } else between.push(part)
  }
  return between
}

/** Splits a part. @returns the robot's name without version, in lower case, and the directive */
function split(part: string): [name: string | null, directive: string] {
  const colon = part.indexOf(':')
  const before = part.slice(0, colon).trim().toLowerCase()
  if (colon === -1 || VALUED.has(before)) return [null, part.trim()]
  const directive = part.slice(colon + 1)
  return [before.replace(/\/.*/, ''), directive.trim()]
}

function isOptOut(directive: string, now: number): boolean {
  const date = /^unavailable_after\s*:(.*)$/i.exec(directive)?.[1]
  // An invalid date is never past.
  return date === undefined ? OPT_OUTS.has(directive.toLowerCase()) : Date.parse(date) <= now
}

function all(header: string | string[] | undefined): string[] {
  return header === undefined ? [] : [header].flat()
}
