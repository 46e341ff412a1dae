// A browser that is new each time, and what happens on its page.
import { setTimeout as pause } from 'node:timers/promises'
import { chromium } from 'playwright-core'

const VIEWPORT = { width: 1280, height: 800 }
const POLL_MS = 50
const PATIENCE_MS = 60_000
/** Microseconds of a long task. */
const LONG_US = 50_000
/** Half faded in. */
const VISIBLE = 0.5

/** Notes long tasks, and the first frame after one that showed a picture. */
const OBSERVE = `
  window.bench = { picture: null, tasks: [] }
  new PerformanceObserver(list => {
    for (const { startTime, duration } of list.getEntries()) bench.tasks.push({ startTime, duration })
  }).observe({ type: 'longtask', buffered: true })
  requestAnimationFrame(function look() {
    const isShown = image => image.complete && image.naturalWidth > 0 && getComputedStyle(image).opacity >= ${VISIBLE}
    if (![...document.querySelectorAll('main img')].some(isShown)) return requestAnimationFrame(look)
    requestAnimationFrame(() => {
      bench.picture = performance.now()
    })
  })`

/** A window of a browser with a profile of its own. @param throttle how many times slower its CPU is */
export async function openWindow(throttle) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
  })
  const context = await browser.newContext({ viewport: VIEWPORT })
  const page = await context.newPage()
  const session = await context.newCDPSession(page)
  await session.send('Emulation.setCPUThrottlingRate', { rate: throttle })
  await page.addInitScript(OBSERVE)
  return {
    page,
    /** Collects garbage. @returns what is left: MiB of JavaScript, and nodes of documents */
    async kept() {
      for (let i = 0; i < 3; i++) await session.send('HeapProfiler.collectGarbage')
      const { usedSize } = await session.send('Runtime.getHeapUsage')
      const { nodes } = await session.send('Memory.getDOMCounters')
      return { mib: usedSize / 2 ** 20, nodes }
    },
    /** Long tasks since the last call. */
    async longTasks() {
      return page.evaluate('bench.tasks.splice(0).map(task => task.duration)')
    },
    traceTasks: () => traceTasks(session),
    close: () => browser.close(),
  }
}

/** The policy of the page forbids what Playwright's own waiting evaluates. */
async function until(isTrue) {
  for (const end = performance.now() + PATIENCE_MS; !(await isTrue()); await pause(POLL_MS))
    if (performance.now() > end) throw new Error(`no picture within ${PATIENCE_MS} ms`)
}

/** @returns ms from the start of the navigation until something, and then a picture, is on the screen */
export async function firstPicture(url, throttle) {
  const { page, close } = await openWindow(throttle)
  try {
    await page.goto(url, { waitUntil: 'commit' })
    await until(() => page.evaluate('bench.picture !== null'))
    return await page.evaluate(`({
      picture: bench.picture,
      paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null,
      scripts: performance.getEntriesByType('resource').filter(it => it.name.endsWith('.js'))
        .reduce((sum, it) => sum + it.encodedBodySize, 0),
    })`)
  } finally {
    await close()
  }
}

/**
 * Traces the tasks of the page's main thread. What it returns ends the trace, and gives the most ms of processor time that a
 * task took: the rest of a long task is time in which other processes had the core.
 */
async function traceTasks(session) {
  let most = 0
  const look = ({ value }) => {
    for (const { name, dur = 0, tdur = 0 } of value)
      if (dur >= LONG_US && name.endsWith('RunTask')) most = Math.max(most, tdur / 1000)
  }
  session.on('Tracing.dataCollected', look)
  const traceConfig = { includedCategories: ['toplevel'], excludedCategories: ['*'] }
  await session.send('Tracing.start', { traceConfig, transferMode: 'ReportEvents' })
  return async () => {
    const complete = new Promise(resolve => session.once('Tracing.tracingComplete', resolve))
    await session.send('Tracing.end')
    await complete
    session.off('Tracing.dataCollected', look)
    return most
  }
}
