//! The database itself.

use std::collections::BTreeSet;

use sotto::store::Dialect;
use sotto::store::db::schema;

use crate::support::database::{self, TestDb};

#[test]
fn both_schemas_have_the_same_steps() {
    let names =
        |dialect| schema(dialect).map(|(version, name, _)| (version, name)).collect::<Vec<_>>();
    assert_eq!(names(Dialect::Sqlite), names(Dialect::Postgres));
    for folder in ["sqlite", "postgres"] {
        let path = format!("{}/src/store/schema/{folder}", env!("CARGO_MANIFEST_DIR"));
        let files: BTreeSet<String> = std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let steps: BTreeSet<String> =
            schema(Dialect::Sqlite).map(|(_, name, _)| format!("{name}.sql")).collect();
        assert_eq!(files, steps, "every file is a step, and every step a file");
    }
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let (sqlite, Some(postgres)) = (database::sqlite().await, database::postgres().await) else {
        return;
    };
    let in_sqlite = columns(
        &sqlite,
        "SELECT m.name AS t, p.name AS c, CASE p.type WHEN 'BLOB' THEN 'bytea' ELSE lower(p.type) END AS k, \
         CASE WHEN p.\"notnull\" = 1 OR p.pk > 0 THEN 'NO' ELSE 'YES' END AS n \
         FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'",
    )
    .await;
    let in_postgres = columns(
        &postgres,
        "SELECT table_name::text AS t, column_name::text AS c, data_type::text AS k, is_nullable::text AS n \
         FROM information_schema.columns WHERE table_schema = 'public'",
    )
    .await;
    assert_eq!(in_sqlite, in_postgres);
    assert!(in_sqlite.len() > 40, "{in_sqlite:?}");
}

/// Table, column, type and whether it may be null.
async fn columns(at: &TestDb, query: &'static str) -> BTreeSet<(String, String, String, String)> {
    let rows: Vec<(String, String, String, String)> =
        sqlx::query_as(query).fetch_all(at.db.read()).await.unwrap();
    rows.into_iter().filter(|(table, ..)| !table.starts_with('_')).collect()
}
