import { helpOf } from '../../support/help.js'

/** Every command of the program that does something: `db migrate`, not `db`. As the program itself lists them. */
export async function listCommands(...group: string[]): Promise<string[]> {
  const [, listed] = (await helpOf(...group)).split(/^Commands:$/m)
  if (listed === undefined) return group.length > 0 ? [group.join(' ')] : []
  const [names] = listed.split(/^\S/m)
  const commands = [...names!.matchAll(/^ {2}([\w-]+)/gm)].map(([, name]) => name!)
  return (await Promise.all(commands.map(name => listCommands(...group, name)))).flat()
}
