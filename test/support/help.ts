import { CommandHost } from './command-host.js'

const host = new CommandHost()
const printed = new Map<string, Promise<string>>()
let last: Promise<unknown> = Promise.resolve()

/** What `unsplash-clip COMMAND --help` prints. One process prints all. */
export function helpOf(...command: string[]): Promise<string> {
  const key = command.join(' ')
  const help = printed.get(key) ?? print(command)
  printed.set(key, help)
  return help
}

function print(command: string[]): Promise<string> {
  const help = last.then(async () => {
    const { code, stdout, stderr } = await host.run({ args: [...command, '--help'], cwd: '.', env: process.env })
    if (code !== 0) throw new Error(`${command.join(' ')} --help ends with ${code}: ${stderr}`)
    return stdout
  })
  last = help.catch(() => {})
  return help
}
