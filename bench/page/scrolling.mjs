// Scrolls through all hits, as a wheel does.
import { setTimeout as pause } from 'node:timers/promises'
import { openWindow } from './browser.mjs'

const TURN = 900
const TURNS = 10
const BETWEEN_MS = 40
const PATIENCE_MS = 60_000
/** A task that the observer must see. */
const CONTROL_MS = 120

/** @returns a row per way through the hits: long tasks, and what is kept afterwards */
export async function scroll(url, { throttle, ways, say }) {
  const { page, kept, longTasks, traceTasks, close } = await openWindow(throttle)
  try {
    await page.goto(url, { waitUntil: 'networkidle' })
    // In a task of the page: those of the debugger are not reported.
    await page.evaluate(
      `setTimeout(() => { const end = performance.now() + ${CONTROL_MS}; while (performance.now() < end); })`,
    )
    await pause(500)
    const control = await longTasks()
    if (!control.some(ms => ms >= CONTROL_MS)) throw new Error('the browser does not report long tasks')
    const rows = [{ moment: 'first page', ...(await rowOf(page, kept)) }]
    for (let way = 1; way <= ways; way++) {
      await page.evaluate('scrollTo({ top: 0, behavior: "instant" })')
      await pause(1000)
      await longTasks()
      const traced = await traceTasks()
      const startedAt = performance.now()
      await toEnd(page, say)
      const seconds = (performance.now() - startedAt) / 1000
      await pause(1000)
      const tasks = await longTasks()
      const longestCpu = await traced()
      rows.push({
        ...{ moment: `after way ${way}`, seconds, longTasks: tasks.length, longest: Math.max(0, ...tasks), longestCpu },
        ...(await rowOf(page, kept)),
      })
      say(JSON.stringify(rows.at(-1)))
    }
    return rows
  } finally {
    await close()
  }
}

async function rowOf(page, kept) {
  const tiles = await page.locator('[role=grid] a').count()
  return { shown: await page.locator('.results-count').textContent(), tiles, ...(await kept()) }
}

/** Until no more photos follow. */
async function toEnd(page, say) {
  await page.mouse.move(640, 500)
  let last = { at: -1, since: performance.now() }
  for (;;) {
    for (let turn = 0; turn < TURNS; turn++) {
      await page.mouse.wheel(0, TURN)
      await pause(BETWEEN_MS)
    }
    const { at, isEnd, count } = await page.evaluate(`({
      at: scrollY,
      isEnd: scrollY + innerHeight >= document.documentElement.scrollHeight - 2,
      count: document.querySelector('.results-count').textContent,
    })`)
    if (isEnd && !count.includes('+')) return
    if (at !== last.at) last = { at, since: performance.now() }
    else if (performance.now() - last.since > PATIENCE_MS) throw new Error(`no way on at ${count}`)
    say(`${count}, at ${Math.round(at)} pixels`)
  }
}
