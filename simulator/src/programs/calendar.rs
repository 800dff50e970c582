//! The calendar, UTC: a second taken apart, and put together.

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A second, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// Seconds since 1970.
    pub unix: i64,
    /// Year.
    pub year: i64,
    /// 1-12.
    pub month: u32,
    /// 1-31.
    pub day: u32,
    /// 0-23.
    pub hour: u32,
    /// 0-59.
    pub minute: u32,
    /// 0-59.
    pub second: u32,
    /// 0 is Sunday.
    pub weekday: u32,
    /// 1-366.
    pub day_of_year: u32,
}

/// Takes a second apart (the algorithm is Howard Hinnant's `civil_from_days`).
pub fn civil(unix: i64) -> Civil {
    let days = unix.div_euclid(86_400);
    let of_day = unix.rem_euclid(86_400);
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let small = |value: i64| u32::try_from(value).unwrap_or(0);
    Civil {
        unix,
        year,
        month: small(month),
        day: small(day),
        hour: small(of_day / 3600),
        minute: small(of_day / 60 % 60),
        second: small(of_day % 60),
        weekday: small((days + 4).rem_euclid(7)),
        day_of_year: small(days - days_of(year, 1, 1) + 1),
    }
}

/// Days since 1970 of a date.
pub fn days_of(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

impl Civil {
    /// `Jan`
    pub fn month_name(&self) -> &'static str {
        self.month_in_full().get(..3).unwrap_or_default()
    }

    /// `January`
    pub fn month_in_full(&self) -> &'static str {
        MONTHS.get(self.month.saturating_sub(1) as usize).copied().unwrap_or_default()
    }

    /// `Sunday`
    pub fn day_in_full(&self) -> &'static str {
        DAYS.get(self.weekday as usize).copied().unwrap_or_default()
    }

    /// `2026-01-01 00:00:00`
    pub fn stamp(&self) -> String {
        format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        )
    }

    /// ISO 8601's week and the year that it belongs to.
    pub fn iso_week(&self) -> (i64, i64) {
        // The week of its Thursday.
        let thursday = civil(self.unix + (3 - i64::from((self.weekday + 6) % 7)) * 86_400);
        (thursday.year, i64::from((thursday.day_of_year - 1) / 7 + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_calendar_has_them() {
        assert_eq!(civil(0).stamp(), "1970-01-01 00:00:00");
        assert_eq!(civil(951_782_399).stamp(), "2000-02-28 23:59:59");
        assert_eq!(civil(951_782_400).stamp(), "2000-02-29 00:00:00");
        assert_eq!(civil(-1).stamp(), "1969-12-31 23:59:59");
    }
}
