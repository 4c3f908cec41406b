//! A server through its life.

use drifting_postgres_servers::PostgresServer;

use crate::{answer, begin, refusal, run, said, wait_until};

#[test]
fn it_keeps_its_port_and_its_data_when_it_is_stopped_and_killed() {
    let mut server = PostgresServer::start();
    let uri = server.uri();
    answer(&uri, "CREATE TABLE kept AS SELECT 1 AS n");
    let socket =
        format!("postgres:///drifting?host={}&port={}&user=drifting", server.socket_folder().display(), server.port());
    assert_eq!(answer(&socket, "SELECT n FROM kept"), "1");

    let mut waiting = begin(&uri, "SELECT pg_sleep(600)");
    server.stop();
    assert!(!waiting.wait().expect("our own child").success(), "clients are sent away");
    assert!(refusal(&uri, "SELECT 1").contains("refused"));
    server.start_again();
    assert_eq!(answer(&uri, "INSERT INTO kept VALUES (2) RETURNING n"), "2");

    let mut waiting = begin(&uri, "SELECT pg_sleep(600)");
    server.kill();
    waiting.wait().expect("our own child");
    server.start_again();
    assert_eq!(server.uri(), uri);
    assert_eq!(server.query_value("SELECT sum(n) FROM kept"), "3");
    assert!(server.log().contains("automatic recovery"), "{}", server.log());
}

#[test]
fn only_its_own_role_comes_in_and_only_with_its_password() {
    let server = PostgresServer::setup().password("the role", "a:b/c@d'e%").start();
    let uri = server.uri();
    assert_eq!(answer(&uri, "SELECT current_user"), "the role");
    assert_eq!(
        server.query_value("SELECT left(rolpassword, 13) FROM pg_authid WHERE rolname = 'the role'"),
        "SCRAM-SHA-256"
    );
    assert!(refusal(&uri.replace("c%40d", "wrong"), "SELECT 1").contains("password authentication failed"));
    assert!(refusal(&uri.replace("the%20role", "postgres"), "SELECT 1").contains("no pg_hba.conf entry"));
    assert_eq!(answer(&uri, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"), "f");
    answer(&uri, "CREATE TABLE its_own (n int)");
}

#[test]
fn its_certificate_is_vouched_for_by_its_authority_alone() {
    let (server, other) = (PostgresServer::setup().tls().start(), PostgresServer::setup().tls().start());
    let verified = |authority: &std::path::Path| {
        format!("{}?sslmode=verify-full&sslrootcert={}", server.uri(), authority.display())
    };
    let question = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let uri = verified(server.certificate_authority());
    assert_eq!(answer(&uri, question), "t");
    assert_eq!(answer(&uri.replace("127.0.0.1", "localhost"), question), "t");
    assert_eq!(answer(&format!("{}?sslmode=disable", server.uri()), question), "f");
    let told = refusal(&verified(other.certificate_authority()), question);
    assert!(told.contains("certificate verify failed"), "{told}");
}

#[test]
fn settings_hold_and_full_connections_leave_room_for_the_test() {
    let server = PostgresServer::setup().max_connections(1).setting("statement_timeout", "50s").start();
    let uri = server.uri();
    assert_eq!(answer(&uri, "SHOW statement_timeout"), "50s");
    // The former client may still be leaving.
    let n_clients = || server.query_value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'drifting'");
    wait_until("it has left", || n_clients() == "0");
    let mut first = begin(&uri, "SELECT pg_sleep(600)");
    wait_until("the first is there", || n_clients() == "1");
    let second = run(&uri, "SELECT 1");
    assert!(said(&second).contains("remaining connection slots are reserved"), "{}", said(&second));
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'drifting'");
    first.wait().expect("our own child");
    wait_until("there is room again", || run(&uri, "SELECT 1").status.success());
}
