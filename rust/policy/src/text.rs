//! Sentences and JSON put together piece by piece, without the formatting machinery: every decision writes some.

/// Appends to a text; calls can be chained.
#[derive(Debug)]
pub struct Text<'a>(pub &'a mut String);

impl Text<'_> {
    /// Appends words as they are.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "measured: words of known length are stored, not copied by a call"
    )]
    pub fn words(&mut self, words: &str) -> &mut Self {
        self.0.push_str(words);
        self
    }

    /// Appends a whole number.
    #[inline]
    pub fn int(&mut self, number: impl Into<i64>) -> &mut Self {
        let number = number.into();
        if (0..10).contains(&number) {
            self.digit(number as u64);
        } else {
            self.0.push_str(itoa::Buffer::new().format(number));
        }
        self
    }

    /// Appends a number of milli-units as a decimal: 1500 is `1.5`.
    pub fn milli(&mut self, milli: i64) -> &mut Self {
        let (whole, rest) = (milli.unsigned_abs() / 1000, milli.unsigned_abs() % 1000);
        if milli < 0 {
            self.0.push('-');
        }
        self.int(whole as i64);
        if rest > 0 {
            self.0.push('.');
            self.digit(rest / 100);
            if rest % 100 > 0 {
                self.digit(rest / 10 % 10);
            }
            if rest % 10 > 0 {
                self.digit(rest % 10);
            }
        }
        self
    }

    #[inline]
    fn digit(&mut self, digit: u64) {
        self.0.push(char::from(b'0' + digit as u8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milli(number: i64) -> String {
        let mut text = String::new();
        Text(&mut text).milli(number);
        text
    }

    #[test]
    fn milli_units_read_as_decimals() {
        assert_eq!(milli(1500), "1.5");
        assert_eq!(milli(-50), "-0.05");
        assert_eq!(milli(1003), "1.003");
        assert_eq!(milli(2000), "2");
        assert_eq!(milli(i64::MIN), "-9223372036854775.808");
    }

    #[test]
    fn pieces_follow_each_other() {
        let mut text = String::from("a");
        Text(&mut text).words("b").int(-7).int(8_u32).milli(120);
        assert_eq!(text, "ab-780.12");
    }
}
