import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { StageClock } from '../../../src/workers/stages/stage-clock.js'
import { deferred } from '../../support/deferred.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('tells how long each stage was under way, however often at once, and how long any was that works', async () => {
  const passes: string[] = []
  const clock = new StageClock((stage, seconds) => passes.push(`${stage} ${seconds}`))
  const pass = (seconds: number) => vi.advanceTimersByTime(1000 * seconds)
  const [first, second, encoding, waiting] = [deferred(), deferred(), deferred(), deferred()]

  pass(5)
  const downloads = [clock.time('download', () => first.promise)]
  pass(1)
  downloads.push(clock.time('download', () => second.promise))
  pass(2)
  first.resolve()
  await downloads[0]
  const encode = clock.time('encode', () => encoding.promise)
  pass(1)
  second.resolve()
  await downloads[1]
  pass(4)
  encoding.reject(new Error('a stage that fails took its time, too'))
  await encode.catch(() => {})
  const wait = clock.time('wait', () => waiting.promise)
  pass(10)
  waiting.resolve()
  await wait
  pass(100)

  expect(clock.seconds()).toEqual({
    download: 4,
    store_copy: 0,
    preprocess: 0,
    encode: 5,
    write: 0,
    wait: 10,
    all: 8,
    span: 18,
  })
  expect(passes).toEqual(['download 3', 'download 3', 'encode 5', 'wait 10'])
})
