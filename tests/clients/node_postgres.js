// Asks a running demo with node-postgres. Arguments: its demo.json, and the statement; prints what came as JSON.

const fs = require('fs');
const { Client } = require('pg');
const Cursor = require('pg-cursor');

async function main() {
  const [file, sql] = process.argv.slice(2);
  const demo = JSON.parse(fs.readFileSync(file, 'utf8'));
  const [host, port] = demo.pg.split(':');
  const password = demo.tokens.police_officer;
  const client = new Client({ host, port: Number(port), user: 'police_officer', password, database: 'datong' });
  const notices = [];
  client.on('notice', (notice) => notices.push(notice.message));
  await client.connect();

  const simple = (await client.query(sql)).rows.map((row) => [row.person_id, row.id_no]);
  const counted = async (sex) => {
    const text = 'SELECT count(*) AS n FROM unified.person WHERE sex = $1 AND birth_date < $2';
    return Number((await client.query({ name: 'counted', text, values: [sex, '1980-01-01'] })).rows[0].n);
  };
  const prepared = [await counted('2'), await counted('1'), await counted('2')];
  const cursor = client.query(new Cursor(sql));
  const fetched = [];
  for (let rows = await cursor.read(33); rows.length > 0; rows = await cursor.read(33)) {
    fetched.push(...rows.map((row) => [row.person_id, row.id_no]));
  }
  await cursor.close();
  const refused = await client.query('DELETE FROM unified.person').then(() => null, (error) => error.code);
  await client.end();
  console.log(JSON.stringify({ simple, prepared, fetched, refused, notices }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
