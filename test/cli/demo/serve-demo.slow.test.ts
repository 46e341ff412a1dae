import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { builtFile } from '../../../src/package-root.js'
import { hasChromium, launchChromium } from '../../support/browser.js'
import { Sandbox } from '../../support/cli.js'
import { until } from '../../support/until.js'

/** The port that the page prefers. */
const PORT = 8080
const MINUTE = 60_000
const hasTerminals = existsSync('/usr/bin/script')

describe.skipIf(!hasTerminals)('on a terminal the demo', () => {
  const other = createServer()
  let sandbox: Sandbox
  let child: ChildProcessWithoutNullStreams | undefined
  beforeAll(() => {
    // Another process may listen there already, which serves too.
    other.on('error', () => {})
    other.listen(PORT, '127.0.0.1')
  })
  afterAll(() => {
    other.close()
  })
  // A second try must not meet what the first has left.
  beforeEach(async () => {
    sandbox = await Sandbox.createEmpty()
  })
  afterEach(async () => {
    child?.kill('SIGKILL')
    await sandbox.close()
  })

  /** Waits until a browser shows pictures. */
  const seePictures = async (url: string) => {
    const browser = await launchChromium()
    try {
      const page = await browser.newPage()
      await page.goto(url)
      const shown = () => page.evaluate<boolean>('[...document.images].some(image => image.naturalWidth > 0)')
      await until('a picture', shown, MINUTE)
    } finally {
      await browser.close()
    }
  }

  test('ends by serving the page on a free port, until Ctrl-C', { timeout: 5 * MINUTE }, async () => {
    const { CI: _, ...environment } = process.env
    const command = `exec ${process.execPath} ${builtFile('cli/main.js')} demo --count 20 --processes 1 --folder demo`
    const started = spawn('script', ['-qec', command, '/dev/null'], {
      cwd: sandbox.home,
      env: { ...environment, ...sandbox.environment, UNSPLASH_CLIP_HOME: sandbox.home, npm_command: 'run' },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    child = started
    let shown = ''
    started.stdout.on('data', text => {
      shown += text
    })
    const ended = once(started, 'close')
    const readUrl = () => /Open (http:\/\/127\.0\.0\.1:\d+)\/ in a browser/.exec(shown)?.[1]
    const url = await until('the address', () => started.exitCode !== null || readUrl(), 4 * MINUTE).then(readUrl)
    expect(url, shown).toBeDefined()
    expect(Number(new URL(url!).port)).not.toBe(PORT)
    expect(shown).not.toContain('unsplash-clip serve')
    expect(await (await fetch(url!)).text()).toContain('<title>unsplash-clip</title>')
    const { photos } = (await (await fetch(`${url}/api/v1/photos?k=30`)).json()) as { photos: object[] }
    expect(photos.length).toBe(20)
    if (hasChromium()) await seePictures(url!)

    // npm passes the Ctrl-C of the terminal on, so it comes twice.
    started.stdin.write('\u0003\u0003')
    expect(await ended, shown).toEqual([0, null])
    expect(existsSync(join(sandbox.home, 'demo/database/server.json'))).toBe(false)
  })
})
