import type { Run } from '../../api/runs.js'

const MINUTE = 60
const HOUR = 60 * MINUTE

export const count = (photos: number) => photos.toLocaleString('en')

export const photosText = (photos: number) => `${count(photos)} ${photos === 1 ? 'photo' : 'photos'}`

/** Seconds as `2 h 5 min`, `3 min` or `20 s`. */
export function durationText(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < MINUTE) return `${whole} s`
  if (whole < HOUR) return `${Math.round(whole / MINUTE)} min`
  const [hours, minutes] = [Math.floor(whole / HOUR), Math.round((whole % HOUR) / MINUTE)]
  return minutes === 0 ? `${hours} h` : `${hours} h ${minutes} min`
}

export function rateText(photosPerSecond: number): string {
  return `${photosPerSecond < 10 ? photosPerSecond.toFixed(1) : Math.round(photosPerSecond)} photos/s`
}

/** What a run has done and what is left of it, in parts. */
export function figures(run: Run): string[] {
  const { done, photos, failed, left, in_flight, waiting, parked, given_up, photos_per_second, eta_seconds } = run
  return [
    `${count(done)} of ${photosText(photos)} embedded`,
    failed > 0 ? `${count(failed)} failed` : '',
    left > 0 && in_flight > 0 ? `${count(in_flight)} in work` : '',
    left > 0 && waiting > 0 ? `${count(waiting)} waiting` : '',
    parked > 0 ? `${count(parked)} paused` : '',
    given_up > 0 ? `${count(given_up)} given up` : '',
    photos_per_second > 0 ? rateText(photos_per_second) : '',
    eta_seconds === null ? '' : `${durationText(eta_seconds)} left`,
  ].filter(text => text !== '')
}

/** The input of a run in few letters: the last part of a path or URL; all of anything else. */
export function sourceText(source: string): string {
  const isPath = /^([./~]|[a-z][a-z0-9+]*:\/\/)/i.test(source)
  return (isPath && /[^/]+\/?$/.exec(source)?.[0]) || source
}

export function timeText(time: string): string {
  return new Date(time).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' })
}
