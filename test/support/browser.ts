import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { requires } from './servers/requirements.js'

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium'

export const hasChromium = (): boolean =>
  requires(`Chromium (${EXECUTABLE})`, existsSync(EXECUTABLE), 'Install it, or set CHROMIUM to its executable.')

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}
