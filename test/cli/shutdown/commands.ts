import type { Sandbox } from '../../support/cli.js'

/** Every command of the program that does something: `db migrate`, not `db`. As the program itself lists them. */
export async function listCommands(sandbox: Sandbox, ...group: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await sandbox.run(...group, '--help')
  if (code !== 0) throw new Error(`${group.join(' ')} --help ends with ${code}: ${stderr}`)
  const [, listed] = stdout.split(/^Commands:$/m)
  if (listed === undefined) return group.length > 0 ? [group.join(' ')] : []
  const [names] = listed.split(/^\S/m)
  const commands = [...names!.matchAll(/^ {2}([\w-]+)/gm)].map(([, name]) => name!)
  return (await Promise.all(commands.map(name => listCommands(sandbox, ...group, name)))).flat()
}
