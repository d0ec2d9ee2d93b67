//! Looking at a host's key, and accepting it.

use model::fault::Cause;
use ssh::{Settings, Standing, accept};

use crate::{server::hasty, with_server};

#[test]
fn a_scan_shows_the_key_and_what_the_users_lists_say_of_it() {
    with_server("", async |server| {
        let ssh = server.sessions(server.settings(""), None, None);
        let to = server.destination(None);
        let offered = ssh.scan(&to).await.expect("it shows its key");
        assert_eq!((&offered.key, offered.standing), (&server.key(), Standing::Unknown));
        assert_eq!(offered.fingerprint, ssh::fingerprint(&server.key()).expect("base64"));
        server.know(&server.stranger());
        assert_eq!(ssh.scan(&to).await.expect("it shows its key").standing, Standing::Changed);
        server.know(&server.key());
        assert_eq!(ssh.scan(&to).await.expect("it shows its key").standing, Standing::Known);
        assert_eq!(server.logins(), 0);
    });
}

#[test]
fn an_accepted_key_is_known_from_then_on() {
    with_server("", async |server| {
        let list = server.path("state/known_hosts");
        // The name it is looked up by is the one the user's configuration gives it.
        let settings =
            Settings { known_hosts: Some(list.clone()), ..server.settings("HostKeyAlias harbor.example") };
        let ssh = server.sessions(settings, None, None);
        let offered = ssh.scan(&server.destination(None)).await.expect("it shows its key");
        assert_eq!(offered.standing, Standing::Unknown);
        accept(&list, &offered).expect("written");
        let again = ssh.scan(&server.destination(None)).await.expect("it shows its key");
        assert_eq!((again.standing, again.key), (Standing::Known, offered.key));
    });
}

#[test]
fn a_host_that_is_not_there_shows_nothing() {
    with_server("", async |mut server| {
        let settings = Settings { limits: hasty(), ..server.settings("") };
        let ssh = server.sessions(settings, None, None);
        let mut to = server.destination(None);
        server.stop();
        assert_eq!(ssh.scan(&to).await.expect_err("nothing listens").cause, Cause::Refused);
        to.target.host = "no..where".into();
        assert_eq!(ssh.scan(&to).await.expect_err("no such name").cause, Cause::NameNotFound);
    });
}
