//! Says where it runs.

pub fn greeting() -> String {
    format!("hello from {}", std::env::consts::OS)
}

#[cfg(test)]
mod tests {
    #[test]
    fn greets() {
        assert!(super::greeting().ends_with(std::env::consts::OS));
    }

    #[test]
    fn starts_a_process() {
        let status = std::process::Command::new("/bin/sh").args(["-c", "exit 7"]).status().unwrap();
        assert_eq!(status.code(), Some(7));
    }
}
