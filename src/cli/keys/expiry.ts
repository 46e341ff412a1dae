import { InvalidArgumentError } from 'commander'
import { DAY, HOUR } from '../../domain/units.js'

const MAX_DAYS = 36_500
const UNITS = { d: DAY, h: HOUR }
const ISO = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2})?)?$/

/** Parses `90d`, `12h`, or a time in ISO format; it must be in the future. */
export function expiry(text: string, _before?: unknown, now = Date.now()): Date {
  const [, count, unit] = /^(\d{1,6})([dh])$/.exec(text) ?? []
  const time = unit ? now + Number(count) * UNITS[unit as 'd' | 'h'] : ISO.test(text) ? Date.parse(text) : Number.NaN
  if (time > now && time < now + MAX_DAYS * DAY) return new Date(time)
  throw new InvalidArgumentError('Expected a time in the future: 90d, 12h or 2027-12-31.')
}
