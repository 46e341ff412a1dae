import { AppError } from '../domain/errors.js'
import { modelKey } from '../domain/model.js'
import type { Context } from './context.js'

/** Whether the model of the settings embeds texts, too. One that does not knows no words, and so no labels. */
export function hasTextTower({ app }: Pick<Context, 'app'>): boolean {
  return app.modelSpec.text !== undefined
}

/**
 * For whatever begins with words, before anything is opened or written.
 * @param wanted what the words are for, after "so it cannot"
 * @param instead what to do, a sentence or two
 * @throws AppError MODEL_WITHOUT_TEXT
 */
export function requireTextTower({ app }: Pick<Context, 'app'>, wanted: string, instead: string): void {
  if (hasTextTower({ app })) return
  throw new AppError(
    'MODEL_WITHOUT_TEXT',
    `${modelKey(app.modelSpec)} embeds images alone, so it cannot ${wanted}. ${instead}`,
  )
}
