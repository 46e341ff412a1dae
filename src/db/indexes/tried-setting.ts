import type { SearchSetting } from '../../domain/ports/index-repository.js'

/** Makes searches of this transaction use another setting; see search_setting. $1: the setting. */
export const TRY_SETTING = `select set_config('unsplash_clip.tried_setting', $1, true)`

/** A setting as `search_setting` reads it. */
export function triedSetting(setting: SearchSetting): string {
  return JSON.stringify(
    setting.method === 'exact'
      ? { method: 'exact' }
      : { method: setting.method, index_name: setting.indexName, effort: setting.searchEffort },
  )
}
