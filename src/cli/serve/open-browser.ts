import { spawn } from 'node:child_process'

/** The program that opens an address as a click on it would, by platform. */
const OPENERS: Partial<Record<NodeJS.Platform, [program: string, ...parameters: string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}

/** Opens an address in the browser. It does not wait for the browser. @returns whether a program for that was found */
export function openBrowser(url: string): Promise<boolean> {
  const [program, ...parameters] = OPENERS[process.platform] ?? ['xdg-open']
  const opener = spawn(program, [...parameters, url], { stdio: 'ignore', detached: true })
  opener.unref()
  return new Promise(resolve => {
    opener.once('spawn', () => resolve(true))
    opener.once('error', () => resolve(false))
  })
}
