// Photos with random directions as embeddings of the model that is registered, by SQL.
const AT_ONCE = 5000

/** Adds photos up to a number; those that are there stay. */
export async function fillPhotos(database, count) {
  const [{ id, dimension }] = await database.query('select id, dimension from models order by id limit 1')
  await database.query(
    `insert into photos (photo_id, photo_image_url, photo_description, photo_location_country, photo_submitted_at, exif_iso)
     select 'photo-' || i, 'https://images.example/' || i, 'photo number ' || i, 'country ' || i % 30,
            timestamp '2015-01-01' + i * interval '1 hour', 100 * (i % 64)
       from generate_series(1, $1::integer) as i
     on conflict do nothing`,
    [count],
  )
  for (let from = 1; from <= count; from += AT_ONCE)
    await database.query(
      `insert into embeddings (model_id, photo_id, embedding, stored_key)
       select $1, 'photo-' || i,
              (select l2_normalize(array_agg(random() - 0.5 + 0 * dimension)::vector)::halfvec
                 from generate_series(1, $2) as dimension where photo.i > 0),
              'h512-q65/photo-' || i || '.jpg'
         from generate_series($3::integer, $4::integer) as photo (i)
       on conflict do nothing`,
      [id, dimension, from, Math.min(count, from + AT_ONCE - 1)],
    )
  await database.query('analyze')
}
